/* The thread of a child that writes records.
 *
 * Requests push records onto a list, last in, first out, with one compare-and-swap;
 * the thread takes all at once and turns them round. Nothing here is a lock that a
 * request could wait for, or that a child which ends in its signal handler
 * (prefork) could find taken. What bounds the list is the memory of all records.
 *
 * At the end of a child the thread has PLAYCOUNT_RECORDER_DRAIN seconds for what is
 * in the list. */

#include "recorder/recorder.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "http_log.h"
#include "http_main.h"

#include "recorder/store.h"

APLOG_USE_MODULE(playcount);

static const char *const file_names[PLAYCOUNT_RECORD_PARTS] = {
    [PLAYCOUNT_REQUEST_HEADERS] = "request-headers",
    [PLAYCOUNT_REQUEST_BODY] = "request-body",
    [PLAYCOUNT_RESPONSE_HEADERS] = "response-headers",
    [PLAYCOUNT_RESPONSE_BODY] = "response-body",
    [PLAYCOUNT_META] = "meta",
};

static _Atomic(playcount_record *) list;
static sem_t work, done;
static _Atomic int stopping; /* no more records come; write what there is */
static _Atomic int leaving;  /* do not write that either */
static _Atomic int running;
static pthread_t thread;

/* --- in a request --- */

void playcount_recorder_write(playcount_record *record)
{
    playcount_record *last = atomic_load(&list);

    if (!record->name || !atomic_load(&running) || atomic_load(&stopping)) {
        playcount_record_dropped(record->recorder);
        playcount_record_free(record);
        return;
    }
    do {
        record->next = last;
    } while (!atomic_compare_exchange_weak(&list, &last, record));
    sem_post(&work);
}

/* --- in the thread --- */

/* Say at most once a minute that records are missing. */
static void say_dropped(const playcount_recorder *recorder)
{
    playcount_recorder_shared *shared = recorder->shared;
    apr_time_t now = apr_time_now(), said = atomic_load(&shared->said_at);
    uint64_t dropped;

    if (!atomic_load(&shared->dropped) || now - said < apr_time_from_sec(60) ||
        !atomic_compare_exchange_strong(&shared->said_at, &said, now)) {
        return;
    }
    dropped = atomic_exchange(&shared->dropped, 0);
    ap_log_error(
        APLOG_MARK, APLOG_WARNING, 0, recorder->server,
        "PlaycountRecorder (%s): %" APR_UINT64_T_FMT
        " requests are not in %s: the disk is slower than they come; have "
        "fewer of them recorded with when=, or less of each with max-body=",
        recorder->where, dropped, recorder->dir);
}

static void pause_recording(playcount_recorder *recorder, int error)
{
    apr_time_t until = apr_time_now() + PLAYCOUNT_RECORDER_AGAIN;

    if (recorder->store) {
        playcount_store_close(recorder->store);
        recorder->store = NULL;
    }
    playcount_record_dropped(recorder);
    if (!atomic_exchange(&recorder->shared->paused_until, until)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, error, recorder->server,
                     "PlaycountRecorder (%s): %s cannot be written to; nothing is "
                     "recorded until it can be, which is tried again every %d s; "
                     "requests are served as before",
                     recorder->where, recorder->dir,
                     (int)apr_time_sec(PLAYCOUNT_RECORDER_AGAIN));
    }
}

/* The disk has taken a record. */
static void go_on(const playcount_recorder *recorder)
{
    playcount_recorder_shared *shared = recorder->shared;

    if (atomic_load(&shared->paused_until) &&
        atomic_exchange(&shared->paused_until, 0)) {
        ap_log_error(
            APLOG_MARK, APLOG_NOTICE, 0, recorder->server,
            "PlaycountRecorder (%s): %s can be written to again; %" APR_UINT64_T_FMT
            " requests were not recorded",
            recorder->where, recorder->dir, atomic_exchange(&shared->dropped, 0));
    }
}

/* A listing costs more than a record, so with many records some more than need be
 * are removed at once. */
static void remove_oldest(playcount_recorder *recorder)
{
    _Atomic int64_t *kept = &recorder->shared->kept;
    int64_t n = atomic_load(kept);

    if (n >= 0 && (n = atomic_fetch_add(kept, 1) + 1) <= recorder->keep) {
        return;
    }
    n = playcount_store_keep(recorder->store,
                             n < 0 ? recorder->keep
                                   : recorder->keep - recorder->keep / 50);
    atomic_store(kept, n);
}

static void write_record(const playcount_record *record)
{
    playcount_recorder *recorder = record->recorder;
    playcount_store_file files[PLAYCOUNT_RECORD_PARTS];
    int error = 0;

    for (int i = 0; i < PLAYCOUNT_RECORD_PARTS; i++) {
        files[i].name = file_names[i];
        files[i].data = record->part[i].at;
        files[i].length = record->part[i].length;
    }
    if (!recorder->store) {
        error = playcount_store_open(recorder->dir, &recorder->store);
    }
    if (!error) {
        error = playcount_store_write(recorder->store, record->name, files,
                                      PLAYCOUNT_RECORD_PARTS);
    }
    if (error) {
        pause_recording(recorder, error);
        return;
    }
    atomic_fetch_add(&recorder->shared->recorded, 1);
    go_on(recorder);
    remove_oldest(recorder);
    say_dropped(recorder);
}

/* Of records that were collected before the disk refused, one is tried after the
 * pause, the others are not. */
static int is_paused(const playcount_recorder *recorder)
{
    apr_time_t until = atomic_load(&recorder->shared->paused_until);

    return until && apr_time_now() < until;
}

static void write_all(playcount_record *newest)
{
    playcount_record *oldest = NULL;

    while (newest) {
        playcount_record *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        playcount_record *next = oldest->next;

        if (atomic_load(&leaving) || is_paused(oldest->recorder)) {
            playcount_record_dropped(oldest->recorder);
        }
        else {
            write_record(oldest);
        }
        playcount_record_free(oldest);
        oldest = next;
    }
}

static void close_stores(void)
{
    for (int i = 0; i < playcount_recorders->nelts; i++) {
        playcount_recorder *recorder =
            APR_ARRAY_IDX(playcount_recorders, i, playcount_recorder *);

        if (recorder->store) {
            playcount_store_close(recorder->store);
            recorder->store = NULL;
        }
    }
}

/* What a killed child left is removed now, not at the first request. */
static void open_stores(void)
{
    for (int i = 0; i < playcount_recorders->nelts; i++) {
        playcount_recorder *recorder =
            APR_ARRAY_IDX(playcount_recorders, i, playcount_recorder *);

        if (playcount_store_open(recorder->dir, &recorder->store)) {
            recorder->store = NULL; /* the first record will say so */
        }
    }
}

static void *run(void *unused)
{
    int last = 0;

    pthread_setname_np(pthread_self(), "recorder");
    open_stores();
    while (!last) {
        while (sem_wait(&work) != 0) {
            /* Interrupted. */
        }
        last = atomic_load(&stopping);
        write_all(atomic_exchange(&list, NULL));
    }
    close_stores();
    sem_post(&done);
    return NULL;
}

/* --- start and end of a child --- */

static int wait_done(int seconds)
{
    struct timespec until;
    int rv;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    while ((rv = sem_timedwait(&done, &until)) != 0 && errno == EINTR) {
        /* The time goes on. */
    }
    return rv == 0;
}

static apr_status_t stop(void *unused)
{
    atomic_store(&stopping, 1);
    sem_post(&work);
    if (!wait_done(PLAYCOUNT_RECORDER_DRAIN)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "PlaycountRecorder: this child ends, and the disk has not "
                     "taken its records within %d s; they are dropped",
                     PLAYCOUNT_RECORDER_DRAIN);
        atomic_store(&leaving, 1);
        if (!wait_done(1)) {
            return APR_SUCCESS; /* it hangs in a call; the process ends it */
        }
    }
    pthread_join(thread, NULL);
    return APR_SUCCESS;
}

void playcount_recorder_writer_start(apr_pool_t *pchild, server_rec *s)
{
    sigset_t all, before;
    int error;

    sem_init(&work, 0, 0);
    sem_init(&done, 0, 0);
    /* Signals are the MPM's; under prefork the thread that gets one ends the child.
     */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        ap_log_error(APLOG_MARK, APLOG_ERR, error, s,
                     "PlaycountRecorder: this child records nothing, its thread "
                     "does not start");
        return;
    }
    atomic_store(&running, 1);
    apr_pool_pre_cleanup_register(pchild, NULL, stop);
}
