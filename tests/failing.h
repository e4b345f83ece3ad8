/*
 * Lets a system call fail: the n-th one of its kind, or all from there on. failing.c has the table.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FAILING_H
#define FAILING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/* The calls that can fail so; NULL after the last. */
extern const char *const failing_calls[];

/* How many have failed since this was set to 0. */
extern _Atomic unsigned long failing_failed;

/* From now on, all do what they can. */
void failing_end(void);

/* How a run of the program under FAULT exits if it found all right. */
enum { FAILING_FAILED = 0, FAILING_NOTHING_FAILED = 2 };

/* Runs a program anew for the n-th call of a kind, for each n until none fails; with "+" for
 * `and_later`, those that follow fail, too. Returns how many there are; -1: a run found something wrong. */
long failing_each(const char *program, const char *call, const char *and_later);

/* How a child exited; -1: by a signal, which was said. `with` tells what it had to do with. */
int failing_exit_of(pid_t child, const char *with);

#endif
