/* playcount(1): the command line. */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "client/command/command.h"

static const char help[] =
    "Usage: playcount [OPTION]... COMMAND ...\n"
    "\n"
    "Ask and tell mod_playcount servers how often songs were played.\n"
    "\n"
    "  get ID...            the counts of songs\n"
    "  play ID...           count a play of each\n"
    "  list                 all songs\n"
    "  top [N]              the N (10) songs with the highest counts\n"
    "  reset                forget all counts\n"
    "  import FILE          add the counts of a listing; - is the standard input\n"
    "  export FILE          write all counts into a file; - is the standard "
    "output\n"
    "  replay ACCESS_LOG    count the plays that an access log holds\n"
    "  bench                load the server and report throughput and latency\n"
    "  monitor [URL]        what a playcount-metrics location shows, live\n"
    "\n"
    "  -s, --server=ADDRESS   a server; say it again for each further one\n"
    "      --shard=ketama     spread songs over the servers by hashing (default)\n"
    "      --shard=modulo     or by id modulo the number of servers\n"
    "      --timeout=SECONDS  for each call, retries included (10)\n"
    "      --retries=N        when a request fails (4)\n"
    "      --cacert=FILE      trust the certificates in it instead of the "
    "system's\n"
    "      --json             results as JSON\n"
    "  -q, --quiet            no progress, no summary\n"
    "  -h, --help             this\n"
    "  -V, --version          the version\n"
    "\n"
    "play:    --by=N               count N plays of each (1)\n"
    "reset:   -y, --yes            do not ask\n"
    "import:  --delivered          the plays count as handed over to the consumer\n"
    "import, replay:\n"
    "         --if-unsure=again    when the server may have forgotten whether the "
    "part\n"
    "         --if-unsure=skip     that was interrupted is counted: send it again, "
    "or\n"
    "                              leave it out\n"
    "replay:  --match=REGEX        the first group of it, in the URL, is the "
    "song's id\n"
    "         --status=LIST        only requests answered so (2xx,304)\n"
    "         --method=LIST        only requests of these methods (GET,POST)\n"
    "         --format=FORMAT      how the log is written: a LogFormat string, or "
    "json\n"
    "         --state=FILE         what was counted is remembered there, not "
    "beside "
    "the log\n"
    "         --again              count all of it, also what was counted before\n"
    "replay --media LOG...: deliveries of media that are plays; see playcount(1)\n"
    "         --window=day|rolling   the listener's UTC day, or 24 hours (day)\n"
    "         --missing            only plays that the server has not counted "
    "itself\n"
    "         --dry-run            print the plays of each day, count nothing\n"
    "         --root=DIRECTORY     where the files are, if the log has no %^Pt\n"
    "         --bitrate=auto|KBITS|whole, --seconds=N\n"
    "                              how much of a file is enough\n"
    "         --deny-agents=FILE, --allow-agents=FILE, --deny-addresses=FILE,\n"
    "         --allow-addresses=FILE   lists of User-Agents and networks\n"
    "bench:   --work=get|play|batch  what to do (get)\n"
    "         --page=PATH          get this page of any server instead\n"
    "         --connections=N, --threads=N, --duration=SECONDS, --songs=N,\n"
    "         --batch=N, --keys\n"
    "         --users=N,N...       one load after the other, with so many users\n"
    "         --think=SECONDS      of each user between two requests (0)\n"
    "         --report=FILE        an HTML page with plots of these\n"
    "monitor: --once               one screen, printed\n"
    "         --interval=SECONDS   between two requests (as the server's series)\n"
    "\n"
    "Servers can also be named in PLAYCOUNT_SERVER or in "
    "~/.config/playcount/config,\n"
    "/etc/playcount.conf: `server = http://127.0.0.1:8000/`. See playcount(1).\n";

enum {
    OPTION_SHARD = 256,
    OPTION_TIMEOUT,
    OPTION_RETRIES,
    OPTION_CACERT,
    OPTION_JSON,
    OPTION_BY,
    OPTION_DELIVERED,
    OPTION_UNSURE,
    OPTION_MATCH,
    OPTION_STATUS,
    OPTION_METHOD,
    OPTION_FORMAT,
    OPTION_STATE,
    OPTION_AGAIN,
    OPTION_MEDIA,
    OPTION_MISSING,
    OPTION_DRY_RUN,
    OPTION_WINDOW,
    OPTION_ROOT,
    OPTION_BITRATE,
    OPTION_SECONDS,
    OPTION_DENY_AGENTS,
    OPTION_ALLOW_AGENTS,
    OPTION_DENY_ADDRESSES,
    OPTION_ALLOW_ADDRESSES,
    OPTION_WORK,
    OPTION_CONNECTIONS,
    OPTION_THREADS,
    OPTION_DURATION,
    OPTION_SONGS,
    OPTION_BATCH,
    OPTION_KEYS,
    OPTION_USERS,
    OPTION_THINK,
    OPTION_REPORT,
    OPTION_PAGE,
    OPTION_ONCE,
    OPTION_INTERVAL
};

static const struct option options[] = {
    {"server", required_argument, NULL, 's'},
    {"shard", required_argument, NULL, OPTION_SHARD},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"retries", required_argument, NULL, OPTION_RETRIES},
    {"cacert", required_argument, NULL, OPTION_CACERT},
    {"json", no_argument, NULL, OPTION_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {"by", required_argument, NULL, OPTION_BY},
    {"yes", no_argument, NULL, 'y'},
    {"delivered", no_argument, NULL, OPTION_DELIVERED},
    {"if-unsure", required_argument, NULL, OPTION_UNSURE},
    {"match", required_argument, NULL, OPTION_MATCH},
    {"status", required_argument, NULL, OPTION_STATUS},
    {"method", required_argument, NULL, OPTION_METHOD},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"state", required_argument, NULL, OPTION_STATE},
    {"again", no_argument, NULL, OPTION_AGAIN},
    {"media", no_argument, NULL, OPTION_MEDIA},
    {"missing", no_argument, NULL, OPTION_MISSING},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"window", required_argument, NULL, OPTION_WINDOW},
    {"root", required_argument, NULL, OPTION_ROOT},
    {"bitrate", required_argument, NULL, OPTION_BITRATE},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"deny-agents", required_argument, NULL, OPTION_DENY_AGENTS},
    {"allow-agents", required_argument, NULL, OPTION_ALLOW_AGENTS},
    {"deny-addresses", required_argument, NULL, OPTION_DENY_ADDRESSES},
    {"allow-addresses", required_argument, NULL, OPTION_ALLOW_ADDRESSES},
    {"work", required_argument, NULL, OPTION_WORK},
    {"connections", required_argument, NULL, OPTION_CONNECTIONS},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"duration", required_argument, NULL, OPTION_DURATION},
    {"songs", required_argument, NULL, OPTION_SONGS},
    {"batch", required_argument, NULL, OPTION_BATCH},
    {"keys", no_argument, NULL, OPTION_KEYS},
    {"users", required_argument, NULL, OPTION_USERS},
    {"think", required_argument, NULL, OPTION_THINK},
    {"report", required_argument, NULL, OPTION_REPORT},
    {"page", required_argument, NULL, OPTION_PAGE},
    {"once", no_argument, NULL, OPTION_ONCE},
    {"interval", required_argument, NULL, OPTION_INTERVAL},
    {NULL, 0, NULL, 0},
};

static const struct {
    const char *name;
    int min, max; /* words after it; max -1: any number */
    command_function *run;
    const int own[24]; /* options that only some commands have */
} commands[] = {
    {"get", 1, -1, command_get, {0}},
    {"play", 1, -1, command_play, {OPTION_BY}},
    {"list", 0, 0, command_list, {0}},
    {"top", 0, 1, command_top, {0}},
    {"reset", 0, 0, command_reset, {'y'}},
    {"import", 1, 1, command_import, {OPTION_UNSURE, OPTION_DELIVERED}},
    {"export", 1, 1, command_export, {0}},
    {"replay",
     1,
     -1,
     command_replay,
     {OPTION_UNSURE, OPTION_MATCH, OPTION_STATUS, OPTION_METHOD, OPTION_FORMAT,
      OPTION_STATE, OPTION_AGAIN, OPTION_MEDIA, OPTION_MISSING, OPTION_DRY_RUN,
      OPTION_WINDOW, OPTION_ROOT, OPTION_BITRATE, OPTION_SECONDS,
      OPTION_DENY_AGENTS, OPTION_ALLOW_AGENTS, OPTION_DENY_ADDRESSES,
      OPTION_ALLOW_ADDRESSES}},
    {"bench",
     0,
     0,
     command_bench,
     {OPTION_WORK, OPTION_CONNECTIONS, OPTION_THREADS, OPTION_DURATION,
      OPTION_SONGS, OPTION_BATCH, OPTION_KEYS, OPTION_USERS, OPTION_THINK,
      OPTION_REPORT, OPTION_PAGE}},
    {"monitor", 0, 1, command_monitor, {OPTION_ONCE, OPTION_INTERVAL}},
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static const char *option_name(int code)
{
    for (const struct option *o = options; o->name; o++) {
        if (o->val == code) {
            return o->name;
        }
    }
    return "?";
}

static const char *number(uint64_t max, uint64_t *value)
{
    return parse_number(optarg, 1, max, value)
               ? "it must be a number in its range, from 1"
               : NULL;
}

static const char *seconds(double *value)
{
    char *end;
    *value = strtod(optarg, &end);
    return end == optarg || *end || !(*value > 0 && *value <= 86400)
               ? "it must be seconds, above 0 and up to 86400"
               : NULL;
}

static const char *one_of(const char *first, const char *second, const char *third,
                          const char **value)
{
    *value = optarg;
    return strcmp(optarg, first) == 0 || strcmp(optarg, second) == 0 ||
                   strcmp(optarg, third) == 0
               ? NULL
               : "see --help for what it can be";
}

static const char *take_list(int code, arguments *a)
{
    if (a->lists_n == sizeof(a->lists) / sizeof(*a->lists)) {
        return "there are too many lists";
    }
    a->lists[a->lists_n++] = (list_argument){
        .path = optarg,
        .addresses =
            code == OPTION_DENY_ADDRESSES || code == OPTION_ALLOW_ADDRESSES,
        .allow = code == OPTION_ALLOW_AGENTS || code == OPTION_ALLOW_ADDRESSES};
    return NULL;
}

/* NULL, or what is wrong with the option's value. */
static const char *take_option(int code, arguments *a, conf *c)
{
    switch (code) {
    case 's':
        c->has_servers = true;
        return conf_server(c, optarg);
    case OPTION_SHARD:
        c->has_shard = true;
        return conf_shard(c, optarg);
    case OPTION_TIMEOUT:
        c->has_timeout = true;
        return conf_timeout(c, optarg);
    case OPTION_RETRIES:
        c->has_retries = true;
        return conf_retries(c, optarg);
    case OPTION_CACERT:
        c->has_cacert = true;
        return conf_cacert(c, optarg);
    case OPTION_JSON:
        a->json = true;
        return NULL;
    case 'q':
        a->quiet = true;
        return NULL;
    case 'y':
        a->yes = true;
        return NULL;
    case OPTION_BY:
        return number(PLAYCOUNT_BY_MAX, &a->by);
    case OPTION_DELIVERED:
        a->delivered = true;
        return NULL;
    case OPTION_UNSURE:
        return one_of("again", "skip", "skip", &a->unsure);
    case OPTION_MATCH:
        a->match = optarg;
        return NULL;
    case OPTION_STATUS:
        a->status = optarg;
        return NULL;
    case OPTION_METHOD:
        a->method = optarg;
        return NULL;
    case OPTION_FORMAT:
        a->format = optarg;
        return NULL;
    case OPTION_STATE:
        a->state = optarg;
        return NULL;
    case OPTION_AGAIN:
        a->again = true;
        return NULL;
    case OPTION_MEDIA:
        a->media = true;
        return NULL;
    case OPTION_MISSING:
        a->missing = true;
        return NULL;
    case OPTION_DRY_RUN:
        a->dry_run = true;
        return NULL;
    case OPTION_WINDOW:
        return one_of("day", "rolling", "rolling", &a->window);
    case OPTION_ROOT:
        a->root = optarg;
        return NULL;
    case OPTION_BITRATE:
        a->bitrate = optarg;
        return NULL;
    case OPTION_SECONDS:
        return number(86400, &a->media_seconds);
    case OPTION_DENY_AGENTS:
    case OPTION_ALLOW_AGENTS:
    case OPTION_DENY_ADDRESSES:
    case OPTION_ALLOW_ADDRESSES:
        return take_list(code, a);
    case OPTION_WORK:
        return one_of("get", "play", "batch", &a->work);
    case OPTION_CONNECTIONS:
        return number(10000, &a->connections);
    case OPTION_THREADS:
        return number(256, &a->threads);
    case OPTION_DURATION:
        return seconds(&a->seconds);
    case OPTION_SONGS:
        return number(1000000000, &a->songs);
    case OPTION_BATCH:
        return number(PLAYCOUNT_BATCH_SONGS, &a->batch);
    case OPTION_USERS:
        a->users = optarg;
        return NULL;
    case OPTION_THINK:
        return seconds(&a->think);
    case OPTION_PAGE:
        a->page = optarg;
        return *optarg == '/' ? NULL : "it must be a path that begins with /";
    case OPTION_REPORT:
        a->report = optarg;
        return NULL;
    case OPTION_ONCE:
        a->once = true;
        return NULL;
    case OPTION_INTERVAL:
        return seconds(&a->interval);
    default:
        a->keys = true;
        return NULL;
    }
}

/* Whether the command has this option. */
static bool has_option(int command, int code)
{
    bool special = false;

    for (int c = 0; c < COMMANDS; c++) {
        for (const int *own = commands[c].own; *own; own++) {
            if (*own == code && c == command) {
                return true;
            }
            special = special || *own == code;
        }
    }
    return !special;
}

static int find_command(const char *name)
{
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static exit_status check_words(int command, const arguments *a)
{
    if (a->words_n < commands[command].min) {
        return say_usage("%s needs %s", commands[command].name,
                         commands[command].run == command_get ||
                                 commands[command].run == command_play
                             ? "at least one id"
                             : "a file");
    }
    if (commands[command].max >= 0 && a->words_n > commands[command].max) {
        return say_usage("%s: what is '%s'?", commands[command].name,
                         a->words[commands[command].max]);
    }
    return EXIT_DONE;
}

static exit_status run(int command, arguments *a, conf *c)
{
    playcount_error error;
    bool needs_server = commands[command].run != command_monitor && !a->dry_run;
    exit_status status = conf_complete(c, needs_server);

    if (status != EXIT_DONE) {
        return status;
    }
    /* A longer limit for the whole call is a longer limit for its attempts, too. */
    if (c->options.attempt_ms < c->options.timeout_ms / 2) {
        c->options.attempt_ms = c->options.timeout_ms / 2;
    }
    if (c->options.connect_ms < c->options.timeout_ms / 4) {
        c->options.connect_ms = c->options.timeout_ms / 4;
    }
    a->conf = c;
    if (!needs_server) {
        return commands[command].run(a);
    }
    a->client = playcount_open(&c->options, &error);
    if (!a->client) {
        return say_error(&error);
    }
    status = commands[command].run(a);
    playcount_close(a->client);
    return status;
}

int main(int argc, char **argv)
{
    static conf c;
    arguments a = {.by = 1,
                   .work = "get",
                   .connections = 32,
                   .threads = 1,
                   .songs = 1000,
                   .batch = 1000,
                   .seconds = 5,
                   .media_seconds = 60};
    int given[64], given_n = 0, code;

    signal(SIGPIPE, SIG_IGN);
    conf_init(&c);
    while ((code = getopt_long(argc, argv, "s:qyhV", options, NULL)) != -1) {
        if (code == 'h') {
            fputs(help, stdout);
            return finish_output(EXIT_DONE);
        }
        if (code == 'V') {
            puts("playcount " PLAYCOUNT_VERSION);
            return finish_output(EXIT_DONE);
        }
        if (code == '?') {
            fputs("Try 'playcount --help'.\n", stderr);
            return EXIT_USAGE;
        }
        const char *wrong = take_option(code, &a, &c);
        if (wrong) {
            return say_usage("--%s=%s: %s", option_name(code), optarg, wrong);
        }
        if (given_n < (int)(sizeof(given) / sizeof(*given))) {
            given[given_n++] = code;
        }
    }
    if (optind == argc) {
        return say_usage("which command?");
    }
    int command = find_command(argv[optind]);
    if (command < 0) {
        return say_usage("there is no command '%s'", argv[optind]);
    }
    for (int i = 0; i < given_n; i++) {
        if (!has_option(command, given[i])) {
            return say_usage("%s has no option --%s", argv[optind],
                             option_name(given[i]));
        }
    }
    a.words = argv + optind + 1;
    a.words_n = argc - optind - 1;
    exit_status status = check_words(command, &a);
    return status != EXIT_DONE ? status : run(command, &a, &c);
}
