/*
 * Lets a system call fail: the n-th one of its kind, or all from there on. failing.c has the table.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FAILING_H
#define FAILING_H

#include <stdatomic.h>
#include <stdbool.h>

/* The calls that can fail so; NULL after the last. */
extern const char *const failing_calls[];

/* How many have failed since this was set to 0. */
extern _Atomic unsigned long failing_failed;

/* From now on, all do what they can. */
void failing_end(void);

#endif
