/* Text that people write, in the one form in which it is stored.
 *
 * The same name may be written in several ways (an e with an accent is one character or two);
 * stored text is in Normalization Form C (UAX #15), so that equal names are equal bytes. Emoji,
 * right-to-left scripts and the marks that steer them are kept as they are. Thread: any. */
#pragma once

#include "base/arena.h"

/* text in NFC without white space (of any script) at both ends; lies in `a`, or is a part of text
 * where nothing had to change. Errors INVALID: not UTF-8, or a control character, line or paragraph
 * separator inside; NOMEM. */
NODISCARD enum err unicode_normal(struct str text, struct arena *a, struct str *ret_text,
                                  struct error *e);
/* The same form and nothing else: a copy in `a` of text, which is well-formed UTF-8. Errors NOMEM.
 */
NODISCARD enum err unicode_nfc(struct str text, struct arena *a, struct str *ret_text,
                               struct error *e);
