/* User-Agents that are not listeners: what needs no file, and the memory of
 * judgements. See agent.h; agent_files.c reads the files. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem() */
#endif
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "media/rules/agent_private.h"
#include "media/rules/listener.h"

/* Bots that many sites see. Each stands at the beginning of a word, whatever the
 * case of its letters. */
static const char *const bots[] = {
    "360Spider",
    "AdsBot-Google",
    "adidxbot",
    "AhrefsBot",
    "Amazonbot",
    "Applebot",
    "archive.org_bot",
    "Baiduspider",
    "Barkrowler",
    "bingbot",
    "BingPreview",
    "Bytespider",
    "CCBot",
    "ChatGPT-User",
    "ClaudeBot",
    "DataForSeoBot",
    "Discordbot",
    "DotBot",
    "DuckDuckBot",
    "facebookcatalog",
    "facebookexternalhit",
    "FeedFetcher-Google",
    "Google-InspectionTool",
    "Googlebot",
    "GoogleOther",
    "GPTBot",
    "HeadlessChrome",
    "ia_archiver",
    "LinkedInBot",
    "Mediapartners-Google",
    "meta-externalagent",
    "MJ12bot",
    "MojeekBot",
    "msnbot",
    "OAI-SearchBot",
    "PerplexityBot",
    "PetalBot",
    "Pingdom",
    "Pinterestbot",
    "Qwantbot",
    "SemrushBot",
    "SeznamBot",
    "Slackbot",
    "Sogou web spider",
    "Storebot-Google",
    "TelegramBot",
    "Twitterbot",
    "UptimeRobot",
    "YandexBot",
    "YisouSpider",
};

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One of our bots at the beginning of this word? */
static int is_bot_word(const char *word, size_t n)
{
    for (size_t i = 0; i < sizeof(bots) / sizeof(*bots); i++) {
        size_t length;

        if ((*word | 0x20) != (*bots[i] | 0x20)) {
            continue;
        }
        length = strlen(bots[i]);
        if (length <= n && strncasecmp(word, bots[i], length) == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_bot(const char *agent, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((i == 0 || !is_letter(agent[i - 1])) && is_bot_word(agent + i, n - i)) {
            return 1;
        }
    }
    return 0;
}

static int has(const char *agent, size_t n, const char *text)
{
    return memmem(agent, n, text, strlen(text)) != NULL;
}

static int is_watch(const char *agent, size_t n)
{
    int second =
        has(agent, n, "(null)/(null) watchOS") ||
        (n >= 4 && memcmp(agent, "atc/", 4) == 0 && has(agent, n, "watchOS"));

    return second && !has(agent, n, "AppleCoreMedia");
}

static int is_empty(const char *agent, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (agent[i] != ' ' && agent[i] != '\t') {
            return 0;
        }
    }
    return 1;
}

playcount_agent_e playcount_agent_judge(const char *agent, size_t n)
{
    return !agent || is_empty(agent, n) ? PLAYCOUNT_AGENT_EMPTY
           : is_watch(agent, n)         ? PLAYCOUNT_AGENT_WATCH
           : is_bot(agent, n)           ? PLAYCOUNT_AGENT_BOT
                                        : PLAYCOUNT_AGENT_LISTENER;
}

/* Does a file that allows, or one that denies, match? */
static int listed(const playcount_agents *agents, int allow, const char *agent,
                  size_t n)
{
    for (const agent_file *f = agents->files; f; f = f->next) {
        if (f->allow == allow && playcount_patterns_match(f->patterns, agent, n)) {
            return 1;
        }
    }
    return 0;
}

static playcount_agent_e judge(const playcount_agents *agents, const char *agent,
                               size_t n)
{
    playcount_agent_e judgement;

    if (!agents->files) {
        return playcount_agent_judge(agent, n);
    }
    if (is_empty(agent, n)) {
        return PLAYCOUNT_AGENT_EMPTY;
    }
    if (listed(agents, 1, agent, n)) {
        return PLAYCOUNT_AGENT_LISTENER;
    }
    judgement = playcount_agent_judge(agent, n);
    return judgement == PLAYCOUNT_AGENT_LISTENER && listed(agents, 0, agent, n)
               ? PLAYCOUNT_AGENT_LISTED
               : judgement;
}

/* The last eight bytes at the end, and of a shorter text what there is. */
__attribute__((hot)) uint64_t playcount_agents_hash(const playcount_agents *agents,
                                                    const char *text, size_t n)
{
    uint64_t hash = agents->key[0] ^ n, key = agents->key[1], word = 0;
    const char *end = text + n;

    for (; end - text > 8; text += 8) {
        memcpy(&word, text, 8);
        hash = playcount_agents_mix(hash ^ word, key);
    }
    if (n >= 8) {
        memcpy(&word, end - 8, 8);
    }
    else {
        memcpy(&word, text, n);
    }
    return playcount_agents_mix(playcount_agents_mix(hash ^ word, key), key);
}

/* A cell is one word: the upper bits are the hash's, the lower three the judgement
 * and one. So readers and writers need no lock. */
playcount_agent_e playcount_agents_judge_hashed(playcount_agents *agents,
                                                uint64_t hash, const char *agent,
                                                size_t n)
{
    _Atomic uint64_t *cell = &agents->cells[(hash >> 3) % AGENT_CELLS];
    uint64_t known = atomic_load_explicit(cell, memory_order_relaxed);
    playcount_agent_e judgement;

    if ((known & 7) && (known & ~UINT64_C(7)) == (hash & ~UINT64_C(7))) {
        return (playcount_agent_e)((known & 7) - 1);
    }
    judgement = judge(agents, agent, n);
    atomic_store_explicit(cell, (hash & ~UINT64_C(7)) | ((uint64_t)judgement + 1),
                          memory_order_relaxed);
    return judgement;
}

playcount_agent_e playcount_agents_judge(playcount_agents *agents,
                                         const char *agent, size_t n)
{
    return agent ? playcount_agents_judge_hashed(
                       agents, playcount_agents_hash(agents, agent, n), agent, n)
                 : PLAYCOUNT_AGENT_EMPTY;
}

const char *playcount_agent_reason(playcount_agent_e judgement)
{
    switch (judgement) {
    case PLAYCOUNT_AGENT_EMPTY:
        return "the User-Agent is empty";
    case PLAYCOUNT_AGENT_WATCH:
        return "the User-Agent is that of a watch's second download";
    case PLAYCOUNT_AGENT_BOT:
        return "the User-Agent is a well-known bot";
    case PLAYCOUNT_AGENT_LISTED:
        return "the User-Agent is in a list";
    default:
        return "the User-Agent may be a listener";
    }
}
