/* Memory beside the allocator: what is resident, and room for what a workload notes for itself. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>

/* Bytes of this process in memory now. */
size_t resident(void);

/* Zeroed memory straight from the system, all of it resident already; it is never given back. */
void *bookkeeping(size_t size);

#endif /* MEMORY_H */
