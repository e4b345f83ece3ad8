/*
 * The system below: pages, and the moments when a thread exits or the process forks.
 *
 * The model is VirtualAlloc's. Address space is reserved first and holds nothing; parts of it are
 * committed and may then be used; a part that is decommitted loses its contents and its memory,
 * and must be committed again before it is used. Committing what is committed does no harm.
 * Lengths and addresses are multiples of sa_os_page(); nothing else in src/ asks the system for
 * memory. There is one implementation for POSIX and one for Windows.
 */
#ifndef SA_OS_H
#define SA_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/thread.h"

#pragma GCC visibility push(hidden)

enum sa_os_access { SA_OS_NONE, SA_OS_READ, SA_OS_WRITE };

size_t sa_os_page(void);

/* The bytes that it makes sense to reserve at once: several times what the machine has, within
 * what this process may have. */
size_t sa_os_reservation(void);

/* All of these return NULL or false, with errno set, when the system says no. */
void *sa_os_reserve(size_t length, size_t alignment);
void *sa_os_reserve_zeros(size_t length); /* reads as zeros, uncommitted */
bool  sa_os_commit(void *at, size_t length);
bool  sa_os_protect(void *at, size_t length, enum sa_os_access access);
bool  sa_os_release(void *at, size_t length);

/* Empties pages and gives their memory back, where the system takes it. Returns whether they stay
 * committed, empty: then they may be used again without another word. errno is kept. */
bool sa_os_decommit(void *at, size_t length);

/* Commits pages, committed or not, as explicit large ones; `at` and `length` are multiples of
 * sa_os_large_page(). sa_os_decommit cannot take them back: sa_os_uncommit_large does. REFUSED: the
 * range is committed, in ordinary pages. LOST: the system took it away and would not give it back;
 * it must not be touched, nor used again. */
enum sa_os_outcome { SA_OS_DONE, SA_OS_REFUSED, SA_OS_LOST };
size_t             sa_os_large_page(void);
enum sa_os_outcome sa_os_commit_large(void *at, size_t length);
bool               sa_os_uncommit_large(void *at, size_t length);

/* Asks for transparent large pages; a hint, so nothing can go wrong. */
void sa_os_prefer_large(void *at, size_t length);

/* Moves the pages of one committed range into another, committed, too, without copying. The old
 * range stays committed, empty. REFUSED: both are as they were, but for the contents of the new
 * one. LOST: the new one must not be touched, nor used again; the old one is as it was. */
enum sa_os_outcome sa_os_move(void *to, void *from, size_t length);

/* Calls `init` once in this process, whichever thread comes first; the others wait for it. */
void sa_os_once(void (*init)(void));

/* At most once, within sa_os_once: `thread_exit` is called in each exiting thread that has called
 * sa_os_watch_thread, `forked` in the child of a fork. */
void sa_os_hooks(void (*thread_exit)(void), void (*forked)(void));
void sa_os_watch_thread(void);

/* Makes each other thread of the process pass a full memory barrier. False where the system cannot,
 * which is so always or never. */
bool sa_os_fence_others(void);

/* Copies memory of this process that other threads may be writing to, or that may not be there any
 * more: false, with errno EFAULT if some of it is not. No race, for it is the system that reads. */
bool sa_os_peek(void *to, const void *from, size_t length);

/* Time that passes, from any point on. */
uint64_t sa_os_nanoseconds(void);

/* A signal by its name without SIG; 0: there is none such. */
int sa_os_signal_number(const char *name, size_t length);
/* From now on, `action` is called on a thread of its own each time the signal comes; for one signal a
 * process, and not in the child of a fork, which has no such thread. */
bool sa_os_on_signal(int number, void (*action)(void));

/* Calls it on a thread of its own now and about every second, as long as the process lives; for one
 * function a process, and not in the child of a fork. */
bool sa_os_each_second(void (*action)(void));

/* Memory, zeroed, that other processes of the user may map to read it, by the name
 * "stats-PROCESS", until this one ends, however it does; and this one's name for the user, cut. Once
 * a process. NULL: there is none, with errno set. */
void *sa_os_publish(size_t length);
void  sa_os_program(char *name, size_t room);

/* A file to which records are appended, and nobody else writes; -1, with errno set. It is told by a
 * number, which the program may close, and that is found out then. 0 or an errno value: never is a record
 * written behind a part of one. */
int  sa_os_record_open(const char *path);
int  sa_os_record(int file, const void *head, size_t head_length, const void *rest,
                  size_t rest_length);
void sa_os_record_close(int file);
/* This process's number. */
long sa_os_process(void);

/* What the user says by a variable of the environment. NULL: nothing, or nothing that may be listened
 * to, since this program has more rights than its user. */
const char *sa_os_environment(const char *name);

/* Fills a few bytes with what nobody can foresee, as well as the system can. */
void sa_os_random(void *to, size_t length);

/* Lets other threads run. */
void sa_os_yield(void);
/* Around what a thread must not be cancelled in, as it has a lock or is half done. */
int  sa_os_forbid_cancel(void);
void sa_os_allow_cancel(int before);

/* Says where in the program a code address is, as well as can be found out without much ado, in at
 * most SA_OS_WHERE bytes. Not for a fast path. */
enum { SA_OS_WHERE = 160 };
void sa_os_where(const void *code, char *text, size_t room);

/* Writes one line to stderr, without allocating. */
void sa_os_say(const char *line, size_t length);

#pragma GCC visibility pop

#endif
