/*
 * What the programs here share. Each does one thing wrong, on purpose, and says on stdout which
 * pointer it does that with; its first comment tells what the library must say:
 *
 *   default:  found PATTERN   one line on stderr that matches, with the pointer for %p; then SIGABRT
 *   hardened: may miss        nothing is demanded; `refused` and `harmless` are exit statuses, below,
 *                             and `fault` is a signal at the very access, as from a guard page
 *
 * Those that use malloc alone are also run on other allocators. They are compiled without
 * optimization, so that the compiler leaves in what it knows to be wrong.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef MISUSE_H
#define MISUSE_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  MISSED = 0,   /* it was done, and nobody noticed */
  REFUSED = 3,  /* the call returned its documented error */
  HARMLESS = 4, /* it was done, and could do no harm */
};

/* Says that it will be done with this pointer, without allocating; returns the pointer. */
static inline void *
with(void *pointer)
{
  dprintf(STDOUT_FILENO, "%p\n", pointer);
  return pointer;
}

/* Writes to a byte something else than stands there, which may be a canary of any value. */
static inline void
change(char *byte)
{
  *byte = (char)(*byte ^ 'x');
}

static inline void
in_thread(void *(*function)(void *), void *argument)
{
  pthread_t thread;
  if (pthread_create(&thread, NULL, function, argument) != 0)
    exit(99);
  pthread_join(thread, NULL);
}

/* What a program does after its misuse: it allocates and frees, as programs do. */
static inline void
go_on(size_t size)
{
  enum { BLOCKS = 4096 };
  static char *blocks[BLOCKS];
  for (int i = 0; i < BLOCKS; i++) {
    blocks[i] = malloc(size);
    memset(blocks[i], 0, size);
  }
  for (int i = 0; i < BLOCKS; i++)
    free(blocks[i]);
}

#endif
