/** The header that changes only what has this entity tag, as it was read; null: whatever is there. */
export function matching(tag: string | null): { "If-Match"?: string } {
  return tag === null ? {} : { "If-Match": tag };
}
