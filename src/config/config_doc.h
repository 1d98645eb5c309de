/* What people read about the options, written from the rows. Thread: any. */
#pragma once

#include "base/buf.h"

/* docs/config.md, whole: `rollcall config doc`. A test holds the committed file to it. */
void config_doc(struct buf *b);
/* The flags with their defaults, by section, for --help. */
void config_usage(struct buf *b);
