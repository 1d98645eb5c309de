/* Counts of scores: see sighting.h. SQL in sql/sighting.sql. */
#include "store/sighting.h"

#include "store/rows.h"

enum err sighting_add(struct db_cx *cx, const struct sighting_of *of,
                      const struct sighting_count *counts, int n, struct error *e)
{
    enum err r = ERR_OK;
    for (int i = 0; !r && i < n; i++) {
        const struct db_value args[] = {text_of(of->encoder),    text_of(of->preprocessing),
                                        text_of(of->score_kind), text_of(counts[i].what),
                                        db_int(counts[i].bin),   db_int(counts[i].sightings)};
        r = db_exec(cx, Q_SIGHTING_ADD, args, ARRAY_LEN(args), NULL, e);
    }
    return r;
}

static void count_read(struct row *row, void *ret_item)
{
    struct sighting_count *c = ret_item;
    c->what = row_str(row, "what");
    c->bin = db_col_int(row->rows, "bin");
    c->sightings = db_col_int(row->rows, "sightings");
}

enum err sighting_list(struct db_cx *cx, struct arena *a, const struct sighting_of *of,
                       struct sighting_count **ret_counts, int *ret_n, struct error *e)
{
    const struct db_value args[] = {text_of(of->encoder), text_of(of->preprocessing),
                                    text_of(of->score_kind)};
    return rows_all(cx, Q_SIGHTING_LIST, args, ARRAY_LEN(args), a, count_read,
                    sizeof(struct sighting_count), ret_counts, ret_n, e);
}
