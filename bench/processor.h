/* Where a thread runs. */
#ifndef PROCESSOR_H
#define PROCESSOR_H

#include <stddef.h>

/*
 * Keeps the calling thread on the process's processor number `index` (modulo what there is). Two
 * threads that work against each other need it: the system likes to keep a thread where it was
 * woken, next to the one that woke it, and then they take turns instead.
 */
void use_processor(size_t index);

#endif /* PROCESSOR_H */
