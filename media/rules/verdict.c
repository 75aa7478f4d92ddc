/* What becomes of a delivery. See verdict.h. */
#include <string.h>
#include <strings.h>

#include "media/rules/intervals.h"
#include "media/rules/verdict.h"

static const char *const names[PLAYCOUNT_VERDICTS] = {
    [PLAYCOUNT_VERDICT_NONE] = "-",
    [PLAYCOUNT_VERDICT_PLAYED] = "played",
    [PLAYCOUNT_VERDICT_OPEN] = "open",
    [PLAYCOUNT_VERDICT_AGAIN] = "again",
    [PLAYCOUNT_VERDICT_BOT] = "bot",
    [PLAYCOUNT_VERDICT_PROBE] = "probe",
    [PLAYCOUNT_VERDICT_PREFETCH] = "prefetch",
    [PLAYCOUNT_VERDICT_FULL] = "full",
    [PLAYCOUNT_VERDICT_SKIPPED] = "skipped",
};

const char *playcount_verdict_name(playcount_verdict_e verdict)
{
    return names[verdict];
}

int playcount_verdict_of(const char *name, size_t n)
{
    for (int v = 0; v < PLAYCOUNT_VERDICTS; v++) {
        if (strlen(names[v]) == n && memcmp(names[v], name, n) == 0) {
            return v;
        }
    }
    return -1;
}

int playcount_verdict_adds(playcount_verdict_e verdict)
{
    return verdict == PLAYCOUNT_VERDICT_PLAYED ||
           verdict == PLAYCOUNT_VERDICT_OPEN ||
           verdict == PLAYCOUNT_VERDICT_AGAIN || verdict == PLAYCOUNT_VERDICT_FULL;
}

/* Is this token in a header such as "prefetch;anonymous-client-ip"? */
static __attribute__((noinline)) int has_token(const char *header,
                                               const char *token)
{
    size_t length = strlen(token);

    for (const char *s = header; *s;) {
        size_t n;

        s += strspn(s, " \t,;");
        n = strcspn(s, " \t,;=");
        if (n == length && strncasecmp(s, token, n) == 0) {
            return 1;
        }
        s += n + strcspn(s + n, ",;");
    }
    return 0;
}

/* Cold: what leads here lies apart from the way of a delivery that nothing refuses.
 */
static __attribute__((noinline, cold)) playcount_verdict_e
say(const char **reason, playcount_verdict_e verdict, const char *words)
{
    *reason = words;
    return verdict;
}

__attribute__((hot)) playcount_verdict_e
playcount_media_refuse(const playcount_delivery *d, const playcount_lists *lists,
                       const char **reason)
{
    playcount_agent_e agent;

    if (d->unwanted) {
        return say(reason, PLAYCOUNT_VERDICT_SKIPPED, "playcount-skip is set");
    }
    if (!d->is_get) {
        return say(reason, PLAYCOUNT_VERDICT_SKIPPED, "the method is not GET");
    }
    if (d->status != 200 && d->status != 206) {
        return say(reason, PLAYCOUNT_VERDICT_SKIPPED,
                   "the status is neither 200 nor 206");
    }
    if (d->encoded) {
        return say(reason, PLAYCOUNT_VERDICT_SKIPPED, "it has a Content-Encoding");
    }
    if (d->purpose && has_token(d->purpose, "prefetch")) {
        return say(reason, PLAYCOUNT_VERDICT_PREFETCH,
                   "the browser says that it is fetched in advance");
    }
    agent = d->judged ? d->judgement
            : lists->agents
                ? playcount_agents_judge(lists->agents, d->agent, d->agent_n)
                : playcount_agent_judge(d->agent, d->agent_n);
    if (agent != PLAYCOUNT_AGENT_LISTENER) {
        return say(reason, PLAYCOUNT_VERDICT_BOT, playcount_agent_reason(agent));
    }
    if (lists->networks && d->address &&
        playcount_networks_refuse(lists->networks, d->address)) {
        return say(reason, PLAYCOUNT_VERDICT_BOT, "the address is in a list");
    }
    if (d->status == 206 && !d->no_probe && playcount_range_is_probe(d->range)) {
        return say(reason, PLAYCOUNT_VERDICT_PROBE,
                   "no range is longer than two bytes");
    }
    *reason = "it adds to what the listener has";
    return PLAYCOUNT_VERDICT_OPEN;
}
