/* What metrics/ shows of the room. */

#include "media/private.h"

#include "apr_strings.h"

const playcount_media_shown *playcount_media_show(apr_pool_t *p)
{
    playcount_media_shown *shown;
    playcount_media_use use;
    const char **name;

    if (!playcount_media_tables || playcount_media_failed(playcount_media_tables)) {
        return NULL;
    }
    playcount_media_usage(playcount_media_tables, &use);
    shown = apr_palloc(p, sizeof(*shown));
    name = apr_palloc(p, PLAYCOUNT_VERDICTS * sizeof(*name));
    for (int v = 1; v < PLAYCOUNT_VERDICTS; v++) {
        name[v - 1] = playcount_verdict_name((playcount_verdict_e)v);
    }
    /* NONE is no verdict. */
    shown->verdicts = PLAYCOUNT_VERDICTS - 1;
    shown->name = name;
    shown->count = apr_pmemdup(p, use.verdicts + 1,
                               (PLAYCOUNT_VERDICTS - 1) * sizeof(use.verdicts[0]));
    shown->downloads = use.counted;
    shown->downloads_most = use.shape.downloads;
    shown->open = use.open;
    shown->open_most = use.shape.open;
    shown->bytes = use.bytes;
    shown->file_lost = playcount_media_table_is_lost();
    return shown;
}
