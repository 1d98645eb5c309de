/* Engines and the pair in use: see engine.h. One lock, a leaf, held while two pointers are copied
 * and counted. Called by workers once an item, by the keeper, by the API and by the switch. */
#include "jobs/engine.h"

#include "base/mem.h"

#include <pthread.h>

struct engines {
    pthread_mutex_t lock; /* over pair */
    struct engine_pair pair;
};

enum err engine_new(struct vision *vision, bool owns_vision, struct engine **ret_engine,
                    struct error *e)
{
    struct engine *engine = mem_alloc(sizeof *engine);
    enum err r = engine ? gallery_new(vision_dim(vision), &engine->gallery, e)
                        : error_set(e, ERR_NOMEM, "no memory for an engine");
    if (r) {
        mem_free(engine);
        if (owns_vision)
            vision_close(vision);
        return r;
    }
    engine->vision = vision;
    engine->owns_vision = owns_vision;
    atomic_store(&engine->refs, 1);
    *ret_engine = engine;
    return ERR_OK;
}

struct engine *engine_ref(struct engine *engine)
{
    if (engine)
        atomic_fetch_add(&engine->refs, 1);
    return engine;
}

void engine_unref(struct engine *engine)
{
    if (!engine || atomic_fetch_sub(&engine->refs, 1) > 1)
        return;
    gallery_free(engine->gallery);
    if (engine->owns_vision)
        vision_close(engine->vision);
    mem_free(engine);
}

bool engine_shares_templates(const struct engine *a, const struct engine *b)
{
    return strcmp(vision_encoder(a->vision), vision_encoder(b->vision)) == 0 &&
           strcmp(vision_preprocessing(a->vision), vision_preprocessing(b->vision)) == 0;
}

enum err engines_new(struct engine *active, struct engines **ret_engines, struct error *e)
{
    struct engines *engines = mem_alloc(sizeof *engines);
    if (!engines) {
        engine_unref(active);
        return error_set(e, ERR_NOMEM, "no memory for an engine");
    }
    pthread_mutex_init(&engines->lock, NULL);
    engines->pair.active = active;
    *ret_engines = engines;
    return ERR_OK;
}

void engines_free(struct engines *engines)
{
    if (!engines)
        return;
    engine_pair_done(&engines->pair);
    pthread_mutex_destroy(&engines->lock);
    mem_free(engines);
}

struct engine_pair engines_get(struct engines *engines)
{
    pthread_mutex_lock(&engines->lock);
    struct engine_pair pair = engines->pair;
    engine_ref(pair.active);
    engine_ref(pair.shadow);
    pthread_mutex_unlock(&engines->lock);
    return pair;
}

void engine_pair_done(struct engine_pair *pair)
{
    engine_unref(pair->active);
    engine_unref(pair->shadow);
    *pair = (struct engine_pair){0};
}

void engines_set(struct engines *engines, const struct engine_pair *pair)
{
    pthread_mutex_lock(&engines->lock);
    struct engine_pair before = engines->pair;
    engines->pair = *pair;
    pthread_mutex_unlock(&engines->lock);
    engine_pair_done(&before);
}
