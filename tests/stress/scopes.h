/* Scopes that threads share. SPDX-License-Identifier: MIT */
#ifndef SCOPES_H
#define SCOPES_H

#include "part.h"
#include "stuballoc/section.h"

/* From now on, some of the scopes that are created are in the section; NULL: none. */
void scopes_use_section(sa_section *section);

#endif
