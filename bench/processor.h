/* Where a thread runs. */
#ifndef PROCESSOR_H
#define PROCESSOR_H

#include <pthread.h>
#include <stddef.h>

/*
 * Keeps the calling thread on the process's processor number `index` (modulo what there is). Two
 * threads that work against each other need it: the system likes to keep a thread where it was
 * woken, next to the one that woke it, and then they take turns instead.
 */
void use_processor(size_t index);

/* A thread that is there from its first step on: else it would begin where its creator is kept, and wait
 * for its turn there before it could go elsewhere. */
void start_on_processor(size_t index, pthread_t *thread, void *(*body)(void *), void *argument);

#endif /* PROCESSOR_H */
