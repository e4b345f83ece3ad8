/* Whether a stub has answered with a fault, which it does not tell itself. */
#ifndef SA_FREEDCE_FAULT_H
#define SA_FREEDCE_FAULT_H

#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* The runtime has sent one on this thread, since this was last set to false. */
extern _Thread_local bool sa_freedce_fault_sent;

#pragma GCC visibility pop

#endif
