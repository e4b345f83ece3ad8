/* What raises, run from programs whose compiler may lack __try. SPDX-License-Identifier: MIT */
#ifndef CATCH_H
#define CATCH_H

#include <rpc.h>

/* Runs `code` and returns what it raised, or RPC_S_OK. */
RPC_STATUS raised_by(void (*code)(void *), void *argument);

#endif
