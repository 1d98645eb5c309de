/* Zip files in memory. See zip.h. libzip does the format; this file owns the limits.
 * Cost: one inflate or deflate of each entry. Thread: any, one per call. */
#include "exchange/zip.h"

#include <zip.h>

enum { NAME_MAX_BYTES = 255, RATIO_FROM_BYTES = 1024 * 1024 };

static void archive_discardp(zip_t **z)
{
    if (*z)
        zip_discard(*z);
}

static void file_closep(zip_file_t **f)
{
    if (*f)
        zip_fclose(*f);
}

static void source_freep(zip_source_t **s)
{
    if (*s)
        zip_source_free(*s);
}

static enum err zip_problem(struct error *e, zip_error_t *why)
{
    bool memory = zip_error_code_zip(why) == ZIP_ER_MEMORY;
    enum err r =
        error_set(e, memory ? ERR_NOMEM : ERR_INVALID, "%s: %s",
                  memory ? "zip" : "this is no zip file that can be read", zip_error_strerror(why));
    return r;
}

static enum err open_bytes(struct str bytes, zip_t **ret_archive, struct error *e)
{
    zip_error_t why;
    if (bytes.n == 0) /* libzip takes nothing for an archive of nothing */
        return error_set(e, ERR_INVALID, "the zip file is empty");
    zip_error_init(&why);
    zip_source_t *source = zip_source_buffer_create(bytes.p, bytes.n, 0, &why);
    zip_t *z = source ? zip_open_from_source(source, ZIP_RDONLY, &why) : NULL;
    enum err r = z ? ERR_OK : zip_problem(e, &why);
    if (!z)
        zip_source_free(source);
    zip_error_fini(&why);
    *ret_archive = z;
    return r;
}

/* A relative path without "..", so that no reader of the name is led elsewhere. */
static bool name_is_safe(struct str name)
{
    struct str part;
    if (name.n == 0 || name.n > NAME_MAX_BYTES || name.p[0] == '/' || !str_is_utf8(name) ||
        memchr(name.p, '\\', name.n))
        return false;
    while (str_split(&name, '/', &part))
        if (str_is(part, "..") || str_is(part, "."))
            return false;
    return true;
}

static enum err check_entry(const zip_stat_t *s, const struct zip_limits *limits, size_t total,
                            struct error *e)
{
    struct str name = str_from(s->name);
    if (!name_is_safe(name))
        return error_set(e, ERR_INVALID,
                         "the zip file has an entry with a name that is not allowed");
    if (s->valid & ZIP_STAT_ENCRYPTION_METHOD && s->encryption_method != ZIP_EM_NONE)
        return error_set(e, ERR_INVALID, "%.80s in the zip file is encrypted", s->name);
    if (s->size > limits->entry_bytes_max || s->size > limits->total_bytes_max - total)
        return error_set(e, ERR_TOO_LARGE, "%.80s in the zip file is too large (%llu bytes)",
                         s->name, (unsigned long long)s->size);
    if (limits->ratio_max && s->size > RATIO_FROM_BYTES &&
        s->size / (s->comp_size + 1) > (zip_uint64_t)limits->ratio_max)
        return error_set(e, ERR_TOO_LARGE,
                         "%.80s in the zip file inflates to more than %d times its size", s->name,
                         limits->ratio_max);
    return ERR_OK;
}

static enum err read_entry(zip_t *z, const zip_stat_t *s, struct arena *a,
                           struct zip_item *ret_item, struct error *e)
{
    char *bytes = arena_alloc(a, (size_t)s->size + 1), more;
    char *name = arena_strdup(a, str_from(s->name));
    _cleanup_(file_closep) zip_file_t *f = zip_fopen_index(z, s->index, 0);
    if (!bytes || !name)
        return error_set(e, ERR_NOMEM, "no memory for %.80s of the zip file", s->name);
    if (!f)
        return error_set(e, ERR_INVALID, "%.80s in the zip file cannot be read: %s", s->name,
                         zip_strerror(z));
    zip_int64_t n = zip_fread(f, bytes, s->size);
    /* the read behind the end makes libzip compare the checksum */
    if (n != (zip_int64_t)s->size || zip_fread(f, &more, 1) != 0)
        return error_set(e, ERR_INVALID, "%.80s in the zip file is damaged", s->name);
    *ret_item = (struct zip_item){.name = str_from(name), .bytes = {bytes, (size_t)s->size}};
    return ERR_OK;
}

static enum err read_all(zip_t *z, const struct zip_limits *limits, struct arena *a,
                         struct zip_item *items, int *ret_n, struct error *e)
{
    zip_int64_t entries = zip_get_num_entries(z, 0);
    size_t total = 0;
    int n = 0;
    for (zip_int64_t i = 0; i < entries; i++) {
        zip_stat_t s;
        if (zip_stat_index(z, (zip_uint64_t)i, 0, &s) || !(s.valid & ZIP_STAT_SIZE) ||
            !(s.valid & ZIP_STAT_NAME))
            return error_set(e, ERR_INVALID, "entry %lld of the zip file cannot be read",
                             (long long)i + 1);
        enum err r = check_entry(&s, limits, total, e);
        size_t length = strlen(s.name);
        if (!r && s.name[length - 1] != '/')
            r = read_entry(z, &s, a, &items[n++], e);
        if (r)
            return r;
        total += (size_t)s.size;
    }
    *ret_n = n;
    return ERR_OK;
}

enum err zip_read(struct str bytes, const struct zip_limits *limits, struct arena *a,
                  struct zip_item **ret_items, int *ret_n, struct error *e)
{
    _cleanup_(archive_discardp) zip_t *z = NULL;
    enum err r = open_bytes(bytes, &z, e);
    if (r)
        return r;
    zip_int64_t entries = zip_get_num_entries(z, 0);
    if (entries > limits->entries_max)
        return error_set(e, ERR_TOO_LARGE, "the zip file has %lld entries, %d are allowed",
                         (long long)entries, limits->entries_max);
    struct zip_item *items = arena_array(a, (size_t)entries + 1, sizeof *items);
    if (!items)
        return error_set(e, ERR_NOMEM, "no memory for the zip file");
    r = read_all(z, limits, a, items, ret_n, e);
    if (!r)
        *ret_items = items;
    return r;
}

/* ---- writing */

static enum err add_items(zip_t *z, const struct zip_item *items, int n, struct error *e)
{
    for (int i = 0; i < n; i++) {
        char name[NAME_MAX_BYTES + 1];
        snprintf(name, sizeof name, "%.*s", STR_ARGS(items[i].name));
        zip_source_t *s = zip_source_buffer(z, items[i].bytes.p, items[i].bytes.n, 0);
        if (!s)
            return error_set(e, ERR_NOMEM, "no memory for a zip file");
        if (!name_is_safe(items[i].name) || zip_file_add(z, name, s, ZIP_FL_ENC_UTF_8) < 0) {
            zip_source_free(s);
            return error_set(e, ERR_INVALID, "cannot put '%.80s' into a zip file: %s", name,
                             zip_strerror(z));
        }
    }
    return ERR_OK;
}

static enum err copy_out(zip_source_t *source, struct buf *out, struct error *e)
{
    char block[16 * KIB];
    if (zip_source_open(source))
        return error_set(e, ERR_NOMEM, "the zip file cannot be read back");
    zip_int64_t n = 0;
    while (!out->failed && (n = zip_source_read(source, block, sizeof block)) > 0)
        buf_append(out, (struct str){block, (size_t)n});
    (void)zip_source_close(source);
    if (out->failed)
        return error_set(e, ERR_TOO_LARGE, "the zip file is larger than %zu bytes", out->max_bytes);
    return n < 0 ? error_set(e, ERR_NOMEM, "the zip file cannot be read back") : ERR_OK;
}

enum err zip_write(const struct zip_item *items, int n, struct buf *out, struct error *e)
{
    zip_error_t why;
    zip_error_init(&why);
    _cleanup_(source_freep) zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &why);
    _cleanup_(archive_discardp) zip_t *z = NULL;
    if (source) {
        zip_source_keep(source); /* the archive takes one reference, the other is ours */
        z = zip_open_from_source(source, ZIP_TRUNCATE, &why);
        if (!z)
            zip_source_free(source);
    }
    enum err r = z ? ERR_OK : zip_problem(e, &why);
    zip_error_fini(&why);
    if (!r)
        r = add_items(z, items, n, e);
    if (!r && zip_close(z))
        return error_set(e, ERR_NOMEM, "the zip file cannot be written: %s", zip_strerror(z));
    if (r)
        return r;
    z = NULL;
    return copy_out(source, out, e);
}
