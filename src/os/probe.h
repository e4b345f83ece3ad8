/*
 * Places that a tracer such as bpftrace or perf may attach to, without which each is one instruction
 * that does nothing. A system without <sys/sdt.h> has none.
 */
#ifndef SA_PROBE_H
#define SA_PROBE_H

#ifdef HAVE_SYS_SDT_H
#include <sys/sdt.h>
#define SA_PROBE1(name, a) DTRACE_PROBE1(stuballoc, name, a)
#define SA_PROBE2(name, a, b) DTRACE_PROBE2(stuballoc, name, a, b)
#else
#define SA_PROBE1(name, a) ((void)(a))
#define SA_PROBE2(name, a, b) ((void)(a), (void)(b))
#endif

#endif
