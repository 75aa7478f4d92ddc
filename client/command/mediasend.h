/* Sending what replay --media has counted. The same list makes the same batches,
 * which have the same keys for the same run: what was sent before is recognised by
 * the server. */
#ifndef PLAYCOUNT_COMMAND_MEDIASEND_H
#define PLAYCOUNT_COMMAND_MEDIASEND_H

#include "client/command/mediastate.h"
#include "client/pack.h"

/* Put what is to be sent into batches. Not EXIT_DONE: the reason was printed, and
 * nothing can be sent: a song that no server takes. */
exit_status mediasend_pack(playcount_pack *pack, const mediastate *s,
                           const playcount_client *client);

/* Send them, and free the pack. Not EXIT_DONE: the reason was printed. */
exit_status mediasend(playcount_pack *pack, const mediastate *s,
                      playcount_client *client);

#endif
