/* Identifiers: UUIDv7 as text (RFC 9562 section 5.7), one struct type for each kind.
 *
 * The structs have the same layout but cannot be swapped by mistake. Ids made by one process never
 * go backwards, so rows inserted one after the other lie side by side in an index.
 * Thread: any. */
#pragma once

#include "base/str.h"

enum { ID_TEXT = 37 }; /* 36 characters and the terminator */

struct student_id {
    char text[ID_TEXT];
};
struct course_id {
    char text[ID_TEXT];
};
struct session_id {
    char text[ID_TEXT];
};
struct camera_id {
    char text[ID_TEXT];
};
struct frame_id {
    char text[ID_TEXT];
};

/* Writes a new UUIDv7 into text. */
void id_new(char text[static ID_TEXT]);

/* Reads an id from a request: 36 characters, lower-case hexadecimal and hyphens (upper case is
 * folded). Errors INVALID. */
NODISCARD enum err id_parse(struct str s, char ret_text[static ID_TEXT], struct error *e);

/* True for an id never filled in. */
static inline bool id_is_empty(const char *text) { return text[0] == 0; }
