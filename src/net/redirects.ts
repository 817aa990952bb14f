/** Statuses of an answer that says where else to ask (RFC 9110, section 15.4). Each hop is followed by hand and judged. */
export const redirectStatuses: readonly number[] = [301, 302, 303, 307, 308]
