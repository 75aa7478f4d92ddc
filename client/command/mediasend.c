/* Sending plays of media. See mediasend.h. */
#include <stdlib.h>

#include "client/command/mediasend.h"

exit_status mediasend_pack(playcount_pack *pack, const mediastate *s,
                           const playcount_client *client)
{
    const media_list *list = &s->sending;
    playcount_error error;

    if (playcount_pack_init(pack, client)) {
        say("no memory");
        return EXIT_FILE;
    }
    exit_status status = EXIT_DONE;
    for (size_t i = 0; i < list->n && status == EXIT_DONE; i++) {
        if (playcount_pack_add(pack, list->all[i].song, list->all[i].plays, NULL,
                               &error) < 0) {
            status = say_error(&error);
        }
    }
    if (status == EXIT_DONE && playcount_pack_seal(pack)) {
        say("no memory");
        status = EXIT_FILE;
    }
    if (status != EXIT_DONE) {
        playcount_pack_free(pack);
    }
    return status;
}

exit_status mediasend(playcount_pack *pack, const mediastate *s,
                      playcount_client *client)
{
    playcount_error error = {.status = PLAYCOUNT_OK};
    playcount_error *errors = calloc(pack->n + 1, sizeof(*errors));
    exit_status status = EXIT_DONE;

    for (size_t i = 0; i < pack->n; i++) {
        snprintf(pack->batches[i].key, sizeof(pack->batches[i].key),
                 "%.32s-media-%zu", s->id, i);
    }
    if (!errors) {
        say("no memory");
        status = EXIT_FILE;
    }
    else {
        playcount_send_until(client, pack->batches, pack->n, errors, &error,
                             is_interrupted, NULL);
    }
    if (error.status != PLAYCOUNT_OK) {
        status = say_error(&error);
        say("%s",
            s->path
                ? "the replay has stopped; run the same command again to resume "
                  "it"
                : "not all plays were counted");
        status = interrupted ? EXIT_INTERRUPTED : status;
    }
    free(errors);
    playcount_pack_free(pack);
    return status;
}
