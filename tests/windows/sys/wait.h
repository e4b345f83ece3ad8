/* What tests say of a child's end, as child.c tells it. SPDX-License-Identifier: MIT */
#ifndef SYS_WAIT_H
#define SYS_WAIT_H

#include <signal.h>

#define WIFSIGNALED(status) ((status) == SIGABRT)
#define WTERMSIG(status) (status)

#endif
