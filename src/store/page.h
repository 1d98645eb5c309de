/* A page of a sorted list: the rows behind (key, id) in the order asked for. The key of the last
 * row travels in the cursor, so a page stays right when that row is changed or deleted meanwhile.
 */
#pragma once

#include "base/id.h"
#include "store/db.h"

struct list_page {
    const char *sort; /* a word of the list; "" or created_at: by id, which is by time */
    bool descending;
    char after[ID_TEXT]; /* the last row of the page before; empty: from the start */
    struct str key;      /* its sort key; empty when the key is the id */
    int limit;
};

static inline bool page_by_id(const struct list_page *p)
{
    return !p->sort[0] || strcmp(p->sort, "created_at") == 0;
}

/* $1 the sort, $2 the direction, $3 the id and $4 the key to begin behind. */
#define PAGE_VALUES(p)                                                                             \
    db_text((p)->sort), db_int((p)->descending ? -1 : 1), db_text((p)->after),                     \
        page_by_id(p) ? db_text((p)->after) : text_of((p)->key)
