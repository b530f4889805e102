/** One page of a list, as every list of the server has it. */
type ListPage<T> = { data: T[]; has_more: boolean };

/** The most pages that are asked for at once: what is longer is not for one table. */
const most = 100;

/** The whole of a list that people read at once: keys, members, projects. Logs are paged where they are shown. */
export async function allPages<T extends { id: string }>(
  page: (query: { limit: number; after?: string }) => Promise<ListPage<T>>,
): Promise<T[]> {
  const all: T[] = [];
  for (let i = 0; i < most; i++) {
    const last = all.at(-1);
    const { data, has_more } = await page({ limit: 100, ...(last && { after: last.id }) });
    all.push(...data);
    if (!has_more || data.length === 0) break;
  }
  return all;
}
