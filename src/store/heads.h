/* The heads file: the end of every chain of the register, outside the database (DESIGN section 6).
 *
 * A hash chain shows every change but one: its newest rows, or the whole of it, may be gone. So the
 * newest (chain, seq, hash) is written here after each commit. Lines are themselves chained by a
 * keyed hash, so that none can be altered, added or taken out but the last ones. Whoever restores
 * database AND heads file to an older state is not found out: keep a copy elsewhere.
 *
 *     chain seq hash mac          text, one line a head, hexadecimal; a later line supersedes
 *
 * The file may lag behind the database by what a crash interrupted; never the other way round.
 * Thread: heads_note any; the rest one at a time. */
#pragma once

#include "base/hashmap.h"
#include "base/seal.h"
#include "store/mark.h"

enum { HEADS_CHAIN_MAX = 64, HEADS_MAC_BYTES = 16 };

/* Where one chain ends. */
struct head {
    char chain[HEADS_CHAIN_MAX];
    int64_t seq;
    uint8_t hash[CHAIN_HASH_BYTES];
    bool seen; /* for whoever compares them with the database */
};

/* What a file says; heads live in its arena. */
struct heads_seen {
    struct arena *a;      /* owned */
    struct hashmap heads; /* chain -> struct head */
    int64_t lines, good_bytes;
    uint8_t last_mac[HEADS_MAC_BYTES];
    int64_t bad_line; /* the first line that was altered, or follows a missing one; 0: none */
};

/* Reads the file. A last line without its end (a crash cut it off) is left out; what follows a bad
 * line is not believed. A missing file has no heads. Errors IO, NOMEM. */
NODISCARD enum err heads_read(const char *path, const struct seal_key *key,
                              struct heads_seen *ret_seen, struct error *e);
/* Empty; done with heads_seen_done. Errors NOMEM. */
NODISCARD enum err heads_seen_init(struct heads_seen *seen, struct error *e);
/* Adds a head, unless a newer one of its chain is there. Errors NOMEM. */
NODISCARD enum err heads_keep(struct heads_seen *seen, const struct head *new, struct error *e);
/* Takes "chain seq hash " off the front of the line; false: it does not begin so. */
bool head_parse(struct str *line, struct head *ret_head);
void heads_seen_done(struct heads_seen *seen);

struct heads;

/* Opens the file to add to; first writes it anew when most of it is superseded. A file with a bad
 * line is kept aside as PATH.damaged, which register_check reports, and a new one begun.
 * ret_damaged (may be NULL): so it was. Errors CONFLICT (another process writes it), IO, NOMEM. */
NODISCARD enum err heads_open(const char *path, const struct seal_key *key,
                              struct heads **ret_heads, bool *ret_damaged, struct error *e);
void heads_close(struct heads *h);
/* Adds a head. Errors IO: the caller logs it; nothing else depends on it. */
NODISCARD enum err heads_note(struct heads *h, struct str chain, int64_t seq,
                              const uint8_t hash[static CHAIN_HASH_BYTES], struct error *e);
/* heads_open kept a damaged file aside at some time, and nobody took it away. */
bool heads_were_damaged(const char *path);
