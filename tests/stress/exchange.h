/* Blocks that threads hand to each other. SPDX-License-Identifier: MIT */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "marked.h"
#include "part.h"

/* Leaves a block, whole as `fill` makes it, to whichever thread comes across it. */
void exchange_leave(struct head *block, uint64_t *random);

#endif
