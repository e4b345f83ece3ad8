/*
 * Variables of which each thread has its own, and a name for each thread, both for fast paths.
 *
 *   SA_EACH_THREADS int own_count = 1;          defines one; `extern` may stand before it
 *   SA_EACH_THREADS_STATIC int own_count = 1;   the same, for one file
 *   #define count SA_THIS_THREADS(own_count)    what a thread calls its own
 *
 * For all but one compiler this is _Thread_local. GCC for Windows emulates that by a function that
 * takes a lock when a thread comes for the first time, so there the compiler's work is done here:
 * variables in a section .tls$ are what the system's loader copies for each thread, its copy of a
 * module's section is number _tls_index in a list that the thread's environment block points to,
 * and the linker knows how far from the start of the section a variable is (@SECREL32). All three
 * hold for a DLL, also for one that is loaded late, as for a program that is linked statically.
 */
#ifndef SA_OS_THREAD_H
#define SA_OS_THREAD_H

#include <stddef.h>

#if defined(_WIN32) && !defined(__clang__)

/* What an assembler statement says has no inputs, so the compiler keeps the result where it can.
 * _tls_index is MinGW's startup code's, and the loader's to set. */
static inline char *
sa_os_thread_variables(void)
{
  char  *variables;
  size_t index;
  __asm__("movl _tls_index(%%rip), %k1\n\t"
          "movq %%gs:0x58, %0\n\t"
          "movq (%0,%1,8), %0"
          : "=&r"(variables), "=&r"(index));
  return variables;
}

#define SA_EACH_THREADS __attribute__((section(".tls$")))
/* The compiler sees no use of it */
#define SA_EACH_THREADS_STATIC static SA_EACH_THREADS __attribute__((used))
#define SA_THIS_THREADS(variable)                                                                  \
  (*({                                                                                             \
    __typeof__(&(variable)) mine_;                                                                 \
    __asm__("leaq " #variable "@SECREL32(%1), %0" : "=r"(mine_) : "r"(sa_os_thread_variables()));  \
    mine_;                                                                                         \
  }))

#else

#define SA_EACH_THREADS _Thread_local
#define SA_EACH_THREADS_STATIC static _Thread_local
#define SA_THIS_THREADS(variable) variable

#endif

/* A name for this thread that no other one has while it lives, never NULL. Where the processor has a
 * register for the purpose, reading it takes one instruction; a variable would take two. */
static inline void *
sa_os_thread(void)
{
#if defined(_WIN32)
  void *block; /* the thread's environment block, which starts with its own address at 0x30 */
  __asm__("movq %%gs:0x30, %0" : "=r"(block));
  return block;
#elif (defined(__x86_64__) || defined(__aarch64__)) && defined(__linux__)
  return __builtin_thread_pointer();
#else
  static _Thread_local char self;
  return &self;
#endif
}

#endif
