/* iCalendar (RFC 5545), written: sessions as events, times in UTC. An event keeps its UID while the
 * session keeps its id, so that a calendar that subscribed changes it in place. The importer knows
 * these UIDs and makes no second session of them (icalendar_own_uid).
 * Source: RFC 5545 sections 3.1 (lines), 3.3.11 (text), 3.6.1 (events). Thread: any. */
#pragma once

#include "base/buf.h"
#include "base/id.h"
#include "base/time.h"

struct icalendar_entry {
    const char *id; /* of the session */
    struct str title, category;
    usec_t start, end, changed_at;
    int64_t sequence; /* grows with each change */
    bool cancelled;
};

void icalendar_begin(struct buf *b, struct str name);
void icalendar_put(struct buf *b, const struct icalendar_entry *entry);
void icalendar_end(struct buf *b);
/* Is the UID one that icalendar_put writes? Of which session? */
bool icalendar_own_uid(struct str uid, char ret_id[static ID_TEXT]);
