/* iCalendar, written: see icalendar_write.h. Text goes into a buffer of its own first, so that a
 * line can be folded; what does not fit fails the buffer. Thread: any. */
#include "exchange/icalendar_write.h"

#include <stdio.h>

#define OWN "@rollcall"
enum { LINE_BYTES = 75, LINE_MAX = 4096 };

/* Folds: no line is longer than 75 bytes, and no character is cut. */
static void put_line(struct buf *b, struct str line)
{
    size_t room = LINE_BYTES;
    while (line.n > room) {
        size_t n = room;
        while (n > 1 && ((unsigned char)line.p[n] & 0xC0) == 0x80)
            n--;
        buf_append(b, (struct str){line.p, n});
        buf_puts(b, "\r\n ");
        line.p += n;
        line.n -= n;
        room = LINE_BYTES - 1;
    }
    buf_append(b, line);
    buf_puts(b, "\r\n");
}

static void put_text(struct buf *b, const char *name, struct str text)
{
    _cleanup_(buf_done) struct buf line;
    buf_init(&line, LINE_MAX);
    buf_printf(&line, "%s:", name);
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '\n')
            buf_puts(&line, "\\n");
        else if ((unsigned char)c < ' ' || c == 0x7F)
            continue;
        else if (strchr("\\;,", c))
            buf_printf(&line, "\\%c", c);
        else
            buf_putc(&line, c);
    }
    b->failed = b->failed || line.failed;
    put_line(b, buf_str(&line));
}

static void put_time(struct buf *b, const char *name, usec_t at)
{
    char iso[TIME_TEXT];
    time_format_iso(at, iso);
    buf_printf(b, "%s:%.4s%.2s%.2sT%.2s%.2s%.2sZ\r\n", name, iso, iso + 5, iso + 8, iso + 11,
               iso + 14, iso + 17);
}

void icalendar_begin(struct buf *b, struct str name)
{
    buf_puts(b, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Rollcall//" ROLLCALL_VERSION
                "//EN\r\nCALSCALE:GREGORIAN\r\nMETHOD:PUBLISH\r\n");
    put_text(b, "X-WR-CALNAME", name);
}

void icalendar_put(struct buf *b, const struct icalendar_entry *entry)
{
    buf_printf(b, "BEGIN:VEVENT\r\nUID:%s" OWN "\r\n", entry->id);
    put_time(b, "DTSTAMP", entry->changed_at);
    put_time(b, "LAST-MODIFIED", entry->changed_at);
    buf_printf(b, "SEQUENCE:%lld\r\n", (long long)entry->sequence);
    put_time(b, "DTSTART", entry->start);
    put_time(b, "DTEND", entry->end);
    put_text(b, "SUMMARY", entry->title);
    put_text(b, "CATEGORIES", entry->category);
    buf_printf(b, "STATUS:%s\r\nEND:VEVENT\r\n", entry->cancelled ? "CANCELLED" : "CONFIRMED");
}

void icalendar_end(struct buf *b) { buf_puts(b, "END:VCALENDAR\r\n"); }

bool icalendar_own_uid(struct str uid, char ret_id[static ID_TEXT])
{
    struct str own = STR(OWN);
    if (uid.n != ID_TEXT - 1 + own.n || memcmp(uid.p + uid.n - own.n, own.p, own.n) != 0)
        return false;
    return id_parse((struct str){uid.p, ID_TEXT - 1}, ret_id, NULL) == ERR_OK;
}
