/*
 * What every unit test includes: cmocka, the library, and a way to run code that must not take the
 * test program down with it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stuballoc.h>

enum { KIB = 1024, MIB = 1024 * KIB };

/* Under ThreadSanitizer, forks and long loops of one thread take so many times longer, and show nothing
 * that fewer would not. */
#ifdef __SANITIZE_THREAD__
enum { SLOWER = 10 };
#else
enum { SLOWER = 1 };
#endif
/* Whether the library is in its hardened mode. */
bool is_hardened(void);

/* Skips a test about figures of the default mode: in the hardened one a block's canary takes memory, and
 * what is free is held back. */
#define DEFAULT_MODE_ONLY()                                                                        \
  do {                                                                                             \
    if (is_hardened())                                                                             \
      skip();                                                                                      \
  } while (0)

/* What became of a child process. */
struct child {
  int  status;     /* as waitpid tells it */
  char said[4096]; /* the start of what it wrote to stderr */
};

/* Runs `body(argument)` in a forked child, which leaves through exit(0) if nothing stops it first.
 * A child that hangs is killed by SIGALRM. No assertion in the body: it would go on with the next
 * test in the child; exit(1) says that something is wrong. */
struct child child_run(void (*body)(void *), void *argument);

/* The same for the test program itself, which is started anew with one argument: what it is to do.
 * STUBALLOC is `options` then. */
struct child child_rerun(const char *what, const char *options);

/* From here on the process gets no more than `bytes` of memory beyond what it has. */
void limit_memory(size_t bytes);
/* And has none left, also not of what it was given before. For a child. */
void exhaust_memory(void);

/* For tests that do so: Windows has no such limit, and a sanitizer's own memory would hit it before ours does. */
#if defined(_WIN32) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NOT_UNDER_SANITIZERS() skip()
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define NOT_UNDER_SANITIZERS() skip()
#endif
#endif
#ifndef NOT_UNDER_SANITIZERS
#define NOT_UNDER_SANITIZERS()
#endif

/* Whether a text says why something is wrong. In the hardened mode, what is known of the block may stand
 * in front of the scope's name. */
bool says_why(const char *text, const char *why);

/* Why a large block that is free cannot be freed: what is held back is known, and no other is. */
const char *why_large_is_free(void);

/* How many lines are in a text; an unfinished one counts. */
unsigned count_lines(const char *text);

/* Fills a block with a pattern that depends on `seed`, and tells whether it is still there. */
void fill(void *block, size_t size, unsigned seed);
int  is_filled(const void *block, size_t size, unsigned seed);

#endif
