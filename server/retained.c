/* What outlives a restart: see retained.h. */

#include "server/retained.h"

#include "ap_mpm.h"
#include "apr_shm.h"
#include "apr_strings.h"
#include "http_config.h"

#define RETAINED_KEY "mod_playcount"
#define PAGE 4096

typedef struct entry {
    struct entry *next;
    char kind[16];
    char key[128];
    void *value;
} entry;

typedef struct {
    entry *first;
} retained_list;

typedef struct {
    apr_shm_t *shm;
    apr_size_t size;
} memory;

static retained_list *list_of_retained(void)
{
    retained_list *list = ap_retained_data_get(RETAINED_KEY);

    return list ? list : ap_retained_data_create(RETAINED_KEY, sizeof(*list));
}

void *playcount_retained_get(const char *kind, const char *key)
{
    for (entry *e = list_of_retained()->first; e; e = e->next) {
        if (!strcmp(e->kind, kind) && !strcmp(e->key, key)) {
            return e->value;
        }
    }
    return NULL;
}

void *playcount_retained_create(server_rec *s, const char *kind, const char *key,
                                apr_size_t size)
{
    retained_list *list = list_of_retained();
    entry *e = apr_pcalloc(s->process->pool, sizeof(*e));

    apr_cpystrn(e->kind, kind, sizeof(e->kind));
    apr_cpystrn(e->key, key, sizeof(e->key));
    e->value = apr_pcalloc(s->process->pool, size);
    e->next = list->first;
    list->first = e;
    return e->value;
}

static void unmap(memory *m)
{
    if (m->shm) {
        apr_shm_destroy(m->shm);
    }
    m->shm = NULL;
    m->size = 0;
}

apr_status_t playcount_retained_memory(server_rec *s, const char *kind,
                                       const char *key, apr_size_t size,
                                       void **base, int *fresh)
{
    memory *m = playcount_retained_get(kind, key);

    if (!m) {
        m = playcount_retained_create(s, kind, key, sizeof(*m));
    }
    *fresh = m->size != size;
    if (*fresh) {
        apr_shm_t *shm;
        apr_status_t rv = apr_shm_create(&shm, size + PAGE, NULL, s->process->pool);

        if (rv != APR_SUCCESS) {
            return rv;
        }
        unmap(m);
        m->shm = shm;
        m->size = size;
    }
    /* APR keeps a word of its own before what it gives. */
    *base = (void *)APR_ALIGN((uintptr_t)apr_shm_baseaddr_get(m->shm), PAGE);
    return APR_SUCCESS;
}

void playcount_retained_only(const char *kind, const char *key)
{
    for (entry *e = list_of_retained()->first; e; e = e->next) {
        if (!strcmp(e->kind, kind) && strcmp(e->key, key)) {
            unmap(e->value);
        }
    }
}
