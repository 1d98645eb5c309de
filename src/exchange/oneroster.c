/* OneRoster zip files: manifest and tables. See oneroster.h. */
#include "exchange/oneroster.h"

enum { ENTRIES_MAX = 64, RATIO_MAX = 200, INFLATED_TIMES = 8, MANIFEST_ROWS = 100 };

static const char *const file_names[ONEROSTER_FILE_N] = {
#define X(code, name) [ONEROSTER_##code] = (name),
    ONEROSTER_FILE_MAP(X)
#undef X
};
static const char *const csv_names[ONEROSTER_FILE_N] = {
#define X(code, name) [ONEROSTER_##code] = name ".csv",
    ONEROSTER_FILE_MAP(X)
#undef X
};

/* The entry of this name, in whatever folder; NULL when there is none. */
static const struct zip_item *find_item(const struct zip_item *items, int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        struct str path = items[i].name, part = {0};
        if (str_starts(path, STR("__MACOSX/")))
            continue;
        while (str_split(&path, '/', &part))
            ;
        if (str_eq_nocase(part, str_from(name)))
            return &items[i];
    }
    return NULL;
}

static struct str property(const struct csv_table *manifest, const char *name)
{
    for (int i = 0; i < manifest->n; i++)
        if (manifest->rows[i].n > 1 && str_eq_nocase(manifest->rows[i].fields[0], str_from(name)))
            return manifest->rows[i].fields[1];
    return (struct str){0};
}

static enum err check_version(const struct csv_table *manifest, struct error *e)
{
    struct str version = property(manifest, "oneroster.version");
    if (str_is(version, "1.1"))
        return ERR_OK;
    return error_set(e, ERR_INVALID,
                     "manifest.csv says OneRoster version '%.*s', this server reads 1.1",
                     (int)(version.n < 20 ? version.n : 20), version.p ? version.p : "");
}

static enum err read_mode(const struct csv_table *manifest, int file, enum oneroster_mode *ret_mode,
                          struct error *e)
{
    char name[64];
    snprintf(name, sizeof name, "file.%s", file_names[file]);
    struct str value = property(manifest, name);
    if (!value.n || str_eq_nocase(value, STR("absent")))
        *ret_mode = ONEROSTER_ABSENT;
    else if (str_eq_nocase(value, STR("bulk")))
        *ret_mode = ONEROSTER_BULK;
    else if (str_eq_nocase(value, STR("delta")))
        *ret_mode = ONEROSTER_DELTA;
    else
        return error_set(e, ERR_INVALID, "manifest.csv: %s is bulk, delta or absent, not '%.*s'",
                         name, (int)(value.n < 20 ? value.n : 20), value.p);
    return ERR_OK;
}

static enum err read_tables(const struct import_options *o, const struct csv_table *manifest,
                            const struct zip_item *items, int n, struct oneroster *data,
                            struct error *e)
{
    for (int i = 0; i < ONEROSTER_FILE_N; i++) {
        struct oneroster_table *t = &data->files[i];
        const struct zip_item *item = find_item(items, n, csv_names[i]);
        enum err r = read_mode(manifest, i, &t->mode, e);
        t->name = csv_names[i];
        if (!r && t->mode != ONEROSTER_ABSENT && !item)
            r = error_set(e, ERR_INVALID, "manifest.csv declares %s, the zip file lacks it",
                          t->name);
        if (!r && t->mode != ONEROSTER_ABSENT)
            r = csv_table_read(item->bytes, t->name, o->rows_max, o->a, &t->csv, e);
        if (r)
            return r;
    }
    return ERR_OK;
}

static void name_system(const struct csv_table *manifest, struct oneroster *data)
{
    struct str code = property(manifest, "source.systemCode");
    bool usable = code.n > 0 && code.n <= ONEROSTER_SYSTEM_MAX && str_is_utf8(code) &&
                  !memchr(code.p, 0, code.n);
    data->system = usable ? code : STR("oneroster");
}

enum err oneroster_read(const struct import_options *o, struct str bytes,
                        struct oneroster *ret_data, struct error *e)
{
    const struct zip_limits limits = {.entries_max = ENTRIES_MAX,
                                      .entry_bytes_max = o->bytes_max * INFLATED_TIMES,
                                      .total_bytes_max = o->bytes_max * INFLATED_TIMES,
                                      .ratio_max = RATIO_MAX};
    struct zip_item *items = NULL;
    struct csv_table manifest = {0};
    int n = 0;
    *ret_data = (struct oneroster){0};
    enum err r = zip_read(bytes, &limits, o->a, &items, &n, e);
    if (r)
        return r;
    const struct zip_item *item = find_item(items, n, "manifest.csv");
    if (!item)
        return error_set(e, ERR_INVALID, "the zip file has no manifest.csv: is it OneRoster 1.1?");
    r = csv_table_read(item->bytes, "manifest.csv", MANIFEST_ROWS, o->a, &manifest, e);
    if (!r)
        r = check_version(&manifest, e);
    if (r)
        return r;
    name_system(&manifest, ret_data);
    return read_tables(o, &manifest, items, n, ret_data, e);
}
