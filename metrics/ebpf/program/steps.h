/* Durations in cells; the same as `step_of` of the metrics crate. */
#pragma once

static __always_inline __u32 step_of(__u64 ns)
{
	if (ns < 1024)
		return 0;
	__u64 v = ns;
	__u32 top = 0;
	if (v >> 32) { v >>= 32; top += 32; }
	if (v >> 16) { v >>= 16; top += 16; }
	if (v >> 8) { v >>= 8; top += 8; }
	if (v >> 4) { v >>= 4; top += 4; }
	if (v >> 2) { v >>= 2; top += 2; }
	if (v >> 1) top += 1;
	__u32 index = 1 + (top - 10) * 4 + ((ns >> (top - 2)) & 3);
	return index < STEP_CELLS ? index : STEP_CELLS - 1;
}

#define add(cell, n) __sync_fetch_and_add(&(cell), (n))

/* Adds a duration to `steps`, the words of one Steps. */
static __always_inline void record(__u64 *steps, __u64 ns)
{
	__u32 cell = step_of(ns);
	if (cell < STEP_CELLS) /* known already, but not to every verifier */
		add(steps[cell], 1);
	add(steps[STEP_CELLS], ns);
}
