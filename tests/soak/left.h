/* What sections may leave, as section/processes.h counts it. SPDX-License-Identifier: MIT */
#ifndef LEFT_H
#define LEFT_H

unsigned left_names(void);
unsigned left_descriptors_and_mappings(void);

#endif
