/* The keystore: see keystore.h. SQL in sql/keystore.sql, which runs in the keystore's database.
 *
 * The cache is direct-mapped: a key has one place, found by a keyed hash, and the newest wins it.
 * Invariant: what is cached was in the database after the last keystore_destroy of its student in
 * this process: `generation` grows with each, and a key read before is not put. Any thread; `lock`
 * is a leaf. */
#include "store/keystore.h"

#include "base/hashmap.h"
#include "base/mem.h"
#include "store/driver.h"
#include "store/rows.h"

#include <pthread.h>
#include <stdio.h>

#include <sodium.h>

enum { CACHE_SLOTS = 1024, SEALED_MAX = 128 };

static const char *const purpose_names[KEY_PURPOSE_N] = {
#define X(code, word) [KEY_##code] = word,
    KEY_PURPOSE_MAP(X)
#undef X
};

const char *key_purpose_name(enum key_purpose p) { return purpose_names[p]; }

struct slot {
    struct student_id student; /* empty: nothing here */
    enum key_purpose purpose;
    struct seal_key key;
};

struct keystore {
    struct db *db; /* owned */
    struct seal_key wrap;
    pthread_mutex_t lock;
    /* under lock */
    uint64_t generation;
    struct slot slots[CACHE_SLOTS];
};

/* The words of both dialects; bytes differ. */
static const char sqlite_tables[] =
    "CREATE TABLE IF NOT EXISTS student_key (student_id TEXT NOT NULL, purpose TEXT NOT NULL, "
    "sealed BLOB NOT NULL, fingerprint TEXT NOT NULL, created_at INTEGER NOT NULL, "
    "destroyed_at INTEGER NOT NULL, PRIMARY KEY (student_id, purpose), "
    "CONSTRAINT student_key_destroyed CHECK (destroyed_at = 0 OR length(sealed) = 0)) STRICT";
static const char postgres_tables[] =
    "CREATE TABLE IF NOT EXISTS student_key (student_id text COLLATE \"C\" NOT NULL, "
    "purpose text COLLATE \"C\" NOT NULL, sealed bytea NOT NULL, "
    "fingerprint text COLLATE \"C\" NOT NULL, created_at bigint NOT NULL, "
    "destroyed_at bigint NOT NULL, PRIMARY KEY (student_id, purpose), "
    "CONSTRAINT student_key_destroyed CHECK (destroyed_at = 0 OR octet_length(sealed) = 0))";

static enum err tables_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct db *db = ctx;
    bool sqlite = strcmp(db_backend(db), "sqlite") == 0;
    return cx->driver->script(cx, sqlite ? sqlite_tables : postgres_tables, e);
}

enum err keystore_tables(struct db *db, struct error *e) { return db_tx(db, tables_fn, db, e); }

enum err keystore_open(struct db *db, const struct seal_key *installation,
                       struct keystore **ret_keystore, struct error *e)
{
    struct keystore *k = mem_alloc(sizeof *k);
    if (!k)
        return error_set(e, ERR_NOMEM, "no memory for the keystore");
    pthread_mutex_init(&k->lock, NULL);
    seal_key_derive(installation, "keystore", &k->wrap);
    enum err r = keystore_tables(db, e);
    if (r) {
        keystore_close(k);
        return error_wrap(e, r, "the keystore");
    }
    k->db = db;
    *ret_keystore = k;
    return ERR_OK;
}

void keystore_close(struct keystore *k)
{
    if (!k)
        return;
    if (k->db)
        db_close(k->db);
    pthread_mutex_destroy(&k->lock);
    secure_free(k, sizeof *k);
}

/* ---- cache */

static struct slot *slot_of(struct keystore *k, struct student_id student, enum key_purpose purpose)
{
    char text[ID_TEXT + 1];
    memcpy(text, student.text, ID_TEXT);
    text[ID_TEXT - 1] = (char)('0' + purpose);
    text[ID_TEXT] = 0;
    return &k->slots[hashmap_hash(str_from(text)) % CACHE_SLOTS];
}

static bool cache_get(struct keystore *k, struct student_id student, enum key_purpose purpose,
                      struct seal_key *ret_key, uint64_t *ret_generation)
{
    pthread_mutex_lock(&k->lock);
    const struct slot *s = slot_of(k, student, purpose);
    bool hit = s->purpose == purpose && strcmp(s->student.text, student.text) == 0;
    if (hit)
        *ret_key = s->key;
    *ret_generation = k->generation;
    pthread_mutex_unlock(&k->lock);
    return hit;
}

static void cache_put(struct keystore *k, struct student_id student, enum key_purpose purpose,
                      const struct seal_key *key, uint64_t generation)
{
    pthread_mutex_lock(&k->lock);
    if (k->generation == generation)
        *slot_of(k, student, purpose) = (struct slot){student, purpose, *key};
    pthread_mutex_unlock(&k->lock);
}

void keystore_forget(struct keystore *k, struct student_id student)
{
    pthread_mutex_lock(&k->lock);
    k->generation++;
    for (int p = 0; p < KEY_PURPOSE_N; p++) {
        struct slot *s = slot_of(k, student, (enum key_purpose)p);
        if (strcmp(s->student.text, student.text) == 0)
            sodium_memzero(s, sizeof *s);
    }
    pthread_mutex_unlock(&k->lock);
}

/* ---- one key */

struct stored {
    char sealed[SEALED_MAX];
    size_t sealed_n;
    struct key_end end;
};

struct key_ctx {
    struct student_id student;
    enum key_purpose purpose;
    struct str sealed; /* of a new key */
    char fingerprint[KEY_FINGERPRINT];
    usec_t now;
    bool has;
    struct stored stored;
};

static void stored_read(struct row *row, void *ret_item)
{
    struct stored *s = ret_item;
    struct str sealed = db_col_str(row->rows, "sealed");
    s->sealed_n = sealed.n < SEALED_MAX ? sealed.n : 0;
    if (s->sealed_n)
        memcpy(s->sealed, sealed.p, s->sealed_n);
    db_col_copy(row->rows, "fingerprint", s->end.fingerprint, sizeof s->end.fingerprint);
    s->end.destroyed_at = db_col_int(row->rows, "destroyed_at");
}

static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct key_ctx *t = ctx;
    const struct db_value args[] = {db_text(t->student.text), db_text(purpose_names[t->purpose])};
    struct error inner = {0};
    enum err r = rows_one(cx, Q_KEY_GET, args, ARRAY_LEN(args), NULL, stored_read, &t->stored,
                          "key", &inner);
    t->has = r == ERR_OK;
    if (r && r != ERR_NOT_FOUND && e)
        *e = inner;
    return r == ERR_NOT_FOUND ? ERR_OK : r;
}

static enum err put_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct key_ctx *t = ctx;
    const struct db_value args[] = {db_text(t->student.text), db_text(purpose_names[t->purpose]),
                                    db_blob(t->sealed), db_text(t->fingerprint), db_int(t->now)};
    enum err r = db_exec(cx, Q_KEY_PUT, args, ARRAY_LEN(args), NULL, e);
    return r ? r : get_fn(cx, ctx, e);
}

static enum err destroy_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct key_ctx *t = ctx;
    const struct db_value args[] = {db_text(t->student.text), db_text(purpose_names[t->purpose]),
                                    db_int(t->now)};
    enum err r = db_exec(cx, Q_KEY_DESTROY, args, ARRAY_LEN(args), NULL, e);
    return r ? r : get_fn(cx, ctx, e);
}

enum { CONTEXT_TEXT = 64 };

static struct str context_of(char text[static CONTEXT_TEXT], const char *student,
                             enum key_purpose purpose)
{
    snprintf(text, CONTEXT_TEXT, "key|%s|%s", student, purpose_names[purpose]);
    return str_from(text);
}

static enum err unwrap(const struct keystore *k, struct arena *a, const char *student,
                       enum key_purpose purpose, struct str sealed, struct seal_key *ret_key,
                       struct error *e)
{
    char text[CONTEXT_TEXT];
    struct str plain;
    enum err r = unseal(&k->wrap, a, context_of(text, student, purpose), sealed, &plain, e);
    if (r == ERR_OK && plain.n != sizeof ret_key->bytes)
        r = error_set(e, ERR_CORRUPT, "it has %zu bytes", plain.n);
    if (r)
        return error_wrap(e, r, "the key of student %s", student);
    memcpy(ret_key->bytes, plain.p, plain.n);
    sodium_memzero((void *)(uintptr_t)plain.p, plain.n);
    return ERR_OK;
}

static enum err wrap_new(const struct keystore *k, struct arena *a, struct key_ctx *t,
                         struct error *e)
{
    char text[CONTEXT_TEXT];
    struct seal_key key;
    unsigned char hash[(KEY_FINGERPRINT - 1) / 2];
    randombytes_buf(key.bytes, sizeof key.bytes);
    crypto_generichash(hash, sizeof hash, key.bytes, sizeof key.bytes, NULL, 0);
    sodium_bin2hex(t->fingerprint, sizeof t->fingerprint, hash, sizeof hash);
    enum err r = seal(&k->wrap, a, context_of(text, t->student.text, t->purpose),
                      (struct str){(const char *)key.bytes, sizeof key.bytes}, &t->sealed, e);
    sodium_memzero(&key, sizeof key);
    return r;
}

static enum err look_up(struct keystore *k, struct key_ctx *t, bool make, struct seal_key *ret_key,
                        struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(4 * KIB);
    uint64_t generation;
    if (cache_get(k, t->student, t->purpose, ret_key, &generation))
        return ERR_OK;
    enum err r = a ? db_read(k->db, get_fn, t, e) : error_set(e, ERR_NOMEM, "no memory for a key");
    if (r == ERR_OK && make && !(t->has && t->stored.sealed_n)) {
        r = wrap_new(k, a, t, e);
        if (r == ERR_OK)
            r = db_tx(k->db, put_fn, t, e);
    }
    if (r)
        return r;
    if (!t->has || !t->stored.sealed_n)
        return error_set(e, ERR_NOT_FOUND, "the student's key is gone: what it sealed is erased");
    struct str sealed = {t->stored.sealed, t->stored.sealed_n};
    r = unwrap(k, a, t->student.text, t->purpose, sealed, ret_key, e);
    if (r == ERR_OK)
        cache_put(k, t->student, t->purpose, ret_key, generation);
    return r;
}

enum err keystore_get(struct keystore *k, struct student_id student, enum key_purpose purpose,
                      struct seal_key *ret_key, struct error *e)
{
    struct key_ctx t = {.student = student, .purpose = purpose};
    return look_up(k, &t, false, ret_key, e);
}

enum err keystore_make(struct keystore *k, struct student_id student, enum key_purpose purpose,
                       struct seal_key *ret_key, struct error *e)
{
    struct key_ctx t = {.student = student, .purpose = purpose, .now = time_utc()};
    return look_up(k, &t, true, ret_key, e);
}

enum err keystore_destroy(struct keystore *k, struct student_id student, enum key_purpose purpose,
                          struct key_end *ret_end, struct error *e)
{
    struct key_ctx t = {.student = student, .purpose = purpose, .now = time_utc()};
    enum err r = db_tx(k->db, destroy_fn, &t, e);
    keystore_forget(k, student);
    if (r == ERR_OK)
        *ret_end = t.has ? t.stored.end : (struct key_end){.fingerprint = ""};
    return r;
}

struct destroyed {
    struct arena *a;
    enum key_purpose purpose;
    usec_t before;
    struct student_id after, *list;
    int limit, n;
};

static void destroyed_read(struct row *row, void *ret_item)
{
    struct student_id *id = ret_item;
    db_col_copy(row->rows, "student_id", id->text, sizeof id->text);
}

static enum err destroyed_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct destroyed *d = ctx;
    const struct db_value args[] = {db_text(purpose_names[d->purpose]), db_int(d->before),
                                    db_text(d->after.text), db_int(d->limit)};
    return rows_all(cx, Q_KEY_DESTROYED, args, ARRAY_LEN(args), d->a, destroyed_read,
                    sizeof *d->list, &d->list, &d->n, e);
}

enum err keystore_destroyed(struct keystore *k, struct arena *a, enum key_purpose purpose,
                            usec_t before, struct student_id after, int limit,
                            struct student_id **ret_students, int *ret_n, struct error *e)
{
    struct destroyed d = {
        .a = a, .purpose = purpose, .before = before, .after = after, .limit = limit};
    enum err r = db_read(k->db, destroyed_fn, &d, e);
    if (r)
        return r;
    *ret_students = d.list;
    *ret_n = d.n;
    return ERR_OK;
}

/* ---- all keys of a purpose */

struct ring_key {
    struct student_id student;
    struct seal_key key;
};

struct keyring {
    struct hashmap map; /* student -> struct ring_key, owned */
};

struct ring_ctx {
    const struct keystore *k;
    enum key_purpose purpose;
    struct keyring *ring;
    struct arena *a;
};

static enum err ring_add(struct ring_ctx *t, struct db_rows *rows, struct error *e)
{
    struct ring_key *entry = mem_alloc(sizeof *entry);
    if (!entry)
        return error_set(e, ERR_NOMEM, "no memory for a key");
    arena_reset(t->a);
    db_col_copy(rows, "student_id", entry->student.text, sizeof entry->student.text);
    enum err r = unwrap(t->k, t->a, entry->student.text, t->purpose, db_col_str(rows, "sealed"),
                        &entry->key, e);
    if (r == ERR_OK)
        r = hashmap_put(&t->ring->map, str_from(entry->student.text), entry, e);
    if (r)
        secure_free(entry, sizeof *entry);
    return r == ERR_CORRUPT ? ERR_OK : r; /* one bad key must not hide the others */
}

static enum err ring_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct ring_ctx *t = ctx;
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    const struct db_value args[] = {db_text(purpose_names[t->purpose])};
    enum err r = db_query(cx, Q_KEY_EACH, args, ARRAY_LEN(args), &rows, e);
    for (;;) {
        bool has = false;
        if (!r)
            r = db_next(rows, &has, e);
        if (r || !has)
            return r;
        r = ring_add(t, rows, e);
    }
}

enum err keyring_load(struct keystore *k, enum key_purpose purpose, struct keyring **ret_ring,
                      struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(4 * KIB);
    struct keyring *ring = mem_alloc(sizeof *ring);
    if (!a || !ring) {
        mem_free(ring);
        return error_set(e, ERR_NOMEM, "no memory for keys");
    }
    hashmap_init(&ring->map);
    struct ring_ctx t = {.k = k, .purpose = purpose, .ring = ring, .a = a};
    enum err r = db_read(k->db, ring_fn, &t, e);
    if (r) {
        keyring_free(ring);
        return r;
    }
    *ret_ring = ring;
    return ERR_OK;
}

const struct seal_key *keyring_find(const struct keyring *ring, struct student_id student)
{
    const struct ring_key *entry = hashmap_get(&ring->map, str_from(student.text));
    return entry ? &entry->key : NULL;
}

void keyring_free(struct keyring *ring)
{
    if (!ring)
        return;
    size_t at = 0;
    for (struct ring_key *entry; (entry = hashmap_next(&ring->map, &at)) != NULL;)
        secure_free(entry, sizeof *entry);
    hashmap_done(&ring->map);
    mem_free(ring);
}
