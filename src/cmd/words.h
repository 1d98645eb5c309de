/* Words for people and for URLs: identifiers from names, the order of file names, the nearest
 * command, and text that is safe and aligned on a terminal. Pure; any thread. */
#pragma once

#include "base/buf.h"

enum { SLUG_MAX = 64, WORDS_NAME_MAX = 200 };

/* An identifier from a name: ASCII letters (lower-cased) and digits kept, every run of anything
 * else one '-', none at the ends, cut to SLUG_MAX - 1. Bytes above 127 are kept as they are, so
 * that names in other scripts stay apart. Empty when nothing is left. */
void slug_of(struct str name, char ret_slug[static SLUG_MAX]);

/* Who a folder of photos is: `1234_Jane Doe` (a part before '_' with a digit and no space) is
 * external id 1234 and name Jane Doe; `jane_doe` is id jane-doe and name Jane Doe (underscores
 * become spaces, a name all in lower case gets capitals). */
void person_of_folder(const char *folder, char ret_external_id[static SLUG_MAX],
                      char ret_name[static WORDS_NAME_MAX]);

/* Order of names as people count: img2 before img10; ASCII case only breaks ties. <0, 0, >0. */
int natural_compare(const char *a, const char *b);

/* The nearest of n names by edit distance when it is near enough to be a slip; else NULL. */
const char *nearest_name(const char *word, const char *const *names, int n);

/* s percent-encoded for a path or a query (RFC 3986 unreserved characters stay). */
void url_encode(struct buf *b, struct str s);

/* How many terminal columns well-formed UTF-8 text takes (needs a UTF-8 LC_CTYPE for wide
 * characters; else one a character). */
int text_columns(struct str s);

/* Appends s in exactly `columns` columns: padded at the right (left when align_right), or cut in
 * the middle with '~'. Control characters become '?' so that no name can drive the terminal. */
void text_fit(struct buf *b, struct str s, int columns, bool align_right);
