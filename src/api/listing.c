/* Sorted lists: what is asked for, and the cursor that carries a sort key: "ID" or "ID~KEY".
 * Handler threads. */
#include "api/handlers.h"

enum { KEY_MAX = 800 }; /* bytes: 200 characters of 4 */

static enum err read_sort(struct call *c, const char *const *words, struct list_page *page,
                          struct error *e)
{
    struct str v;
    enum err r = call_query(c, "sort", &v, e);
    page->sort = "";
    if (r || !v.p)
        return r;
    page->descending = v.n && v.p[0] == '-';
    if (page->descending)
        v = (struct str){v.p + 1, v.n - 1};
    for (; *words; words++)
        if (str_is(v, *words)) {
            page->sort = *words;
            return ERR_OK;
        }
    return error_set(e, ERR_INVALID, "sort is not an order of this list, see the API description");
}

static enum err read_after(struct call *c, struct list_page *page, struct error *e)
{
    struct str after, id;
    enum err r = call_query(c, "after", &after, e);
    if (r || !after.p)
        return r;
    str_split(&after, '~', &id);
    r = error_wrap(e, id_parse(id, page->after, e), "after");
    page->key = after;
    if (r == ERR_OK && (page_by_id(page) != !after.p || after.n > KEY_MAX))
        r = error_set(e, ERR_INVALID, "after is of a list in another order: begin anew");
    return r;
}

enum err call_sorted(struct call *c, const char *const *words, struct list_page *ret_page,
                     struct error *e)
{
    int limit = 0;
    enum err r = call_limit(c, &limit, e);
    *ret_page = (struct list_page){.sort = "", .limit = limit + 1};
    if (r == ERR_OK)
        r = read_sort(c, words, ret_page, e);
    return r ? r : read_after(c, ret_page, e);
}

enum err call_list_sorted(struct call *c, void *items, int n, const struct list_page *page,
                          size_t size, size_t id_offset, struct str key, struct error *e)
{
    enum err r = call_list(c, items, n, page->limit - 1, size, id_offset, e);
    struct list *list = c->out;
    if (r || !list->next.n || page_by_id(page))
        return r;
    list->next = str_from(arena_printf(c->a, "%.*s~%.*s", STR_ARGS(list->next), STR_ARGS(key)));
    return list->next.n ? ERR_OK : error_set(e, ERR_NOMEM, "no memory for a cursor");
}

struct str call_fold(struct call *c, struct str s)
{
    struct str copy = arena_copy(c->a, s);
    for (size_t i = 0; copy.p && i < copy.n; i++) {
        char *at = (char *)copy.p + i;
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at | 0x20);
    }
    return copy.p ? copy : s;
}
