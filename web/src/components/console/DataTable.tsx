/* eslint-disable jsx-a11y/no-redundant-roles, jsx-a11y/no-interactive-element-to-noninteractive-role --
   a table that is laid out as blocks, as on narrow screens, is none any more for some screen readers unless its roles are written out */
import { Link } from "@tanstack/react-router";
import { ArrowDown, ArrowUp, ChevronLeft, ChevronRight, MoreHorizontal, Search, X } from "lucide-react";
import {
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Menu, MenuContent, MenuTrigger } from "@/components/ui/menu";
import { Select } from "@/components/ui/select";
import { cn } from "@/lib/cn";
import { formatNumber } from "@/lib/format";
import { useSettled } from "@/lib/settled";
import { arrange, pageOf, pageSize, type Value } from "./arrange";
import { useParamsState } from "./search";
import { Empty, ErrorBox, Skeleton } from "./states";

export type Column<T> = {
  id: string;
  header: string;
  cell: (row: T) => ReactNode;
  /** What it is sorted by; a column without it cannot be sorted. */
  value?: (row: T) => Value;
  /** What a search finds it by; left out, its value. */
  text?: (row: T) => string;
  align?: "end";
  /** A date, a number with its unit: on one line where there is room for columns. */
  nowrap?: boolean;
  /** Left out on narrow screens, where the others stand one below the other. */
  wideOnly?: boolean;
};

export type Filter<T> = {
  id: string;
  label: string;
  options: readonly { value: string; label: string }[];
  /** Left out where the server filters: read the value from `useParamsState()`. */
  matches?: (row: T, value: string) => boolean;
};

type DataTableProps<T> = {
  /** What the rows are, for screen readers: "API keys". */
  label: string;
  /** The first column names the row. */
  columns: readonly Column<T>[];
  /** Left out while they are on their way. */
  rows: readonly T[] | undefined;
  rowKey: (row: T) => string;
  /** The name of a row for its menu. */
  rowName?: (row: T) => string;
  /** Where a click on the row leads: a path of the app. */
  rowLink?: (row: T) => string;
  /** Items of the row's menu: <MenuItem>…; null for a row that has none. */
  actions?: (row: T) => ReactNode;
  error?: unknown;
  onRetry?: () => void;
  /** The column that rows are sorted by until somebody chooses: "name", or "-created" for the other way round. */
  sort?: string;
  /** A field to search in; "server": the page asks the server for `q` of the address. */
  search?: boolean | "server";
  filters?: readonly Filter<T>[];
  /** Lists that the server pages, by cursor: rows are added by a button. Such rows keep the server's order. */
  more?: { has: boolean; loading: boolean; load: () => void };
  /** What stands in place of the table when there is nothing at all. */
  empty: ReactNode;
  /** Beside the search. */
  toolbar?: ReactNode;
  /** A second table of the same page keeps its state in the address under names of its own. */
  prefix?: string;
};

/**
 * A list of the console. What is searched, sorted, filtered and which page is on show stands in the address, so that it
 * can be sent to somebody and comes back with Back: `q`, `sort`, `page`, and each filter's id.
 */
export function DataTable<T>(props: DataTableProps<T>) {
  const { columns, rows, search = false, filters = [], more, prefix = "", error, onRetry, empty } = props;
  const { t, i18n } = useTranslation();
  const [params, change] = useParamsState();
  const param = (name: string) => params[prefix + name];
  const set = (next: Record<string, string | undefined>) =>
    change(Object.fromEntries(Object.entries(next).map(([name, value]) => [prefix + name, value])));

  const sort = param("sort") ?? props.sort ?? "";
  const sorted = { id: sort.replace(/^-/, ""), descending: sort.startsWith("-") };
  const query = param("q") ?? "";
  const active = filters.filter((filter) => param(filter.id) !== undefined);

  const serverPaged = more !== undefined;
  const sortColumn = serverPaged ? undefined : columns.find((column) => column.id === sorted.id);
  const arranged = arrange(rows ?? [], {
    query: search === "server" ? "" : query,
    textOf: (row) => columns.map((column) => column.text?.(row) ?? column.value?.(row) ?? "").join(" "),
    sortBy: sortColumn?.value,
    descending: sorted.descending,
    matches: (row) => active.every((filter) => filter.matches?.(row, param(filter.id) ?? "") ?? true),
    locale: i18n.language,
  });
  const page = serverPaged
    ? { rows: arranged, page: 1, pages: 1 }
    : pageOf(arranged, Number(param("page") ?? 1));
  const narrowed = query !== "" || active.length > 0;
  const sortable = serverPaged ? [] : columns.filter((column) => column.value !== undefined);
  const clear = () =>
    set({
      q: undefined,
      page: undefined,
      ...Object.fromEntries(active.map((filter) => [filter.id, undefined])),
    });

  const failed = error !== null && error !== undefined && rows === undefined;
  if (rows?.length === 0 && !narrowed && !failed) return empty;

  return (
    <div data-slot="data-table" className="grid gap-3 *:min-w-0">
      {(search !== false || filters.length > 0 || props.toolbar !== undefined) && (
        <div className="flex flex-wrap items-center gap-2">
          {search !== false && (
            <SearchField value={query} onChange={(q) => set({ q: q || undefined, page: undefined })} />
          )}
          {filters.map((filter) => (
            <Select
              key={filter.id}
              aria-label={filter.label}
              className="max-w-full shrink-0 text-sm sm:max-w-64 [&>select]:h-9"
              value={param(filter.id) ?? ""}
              onChange={(event) => set({ [filter.id]: event.target.value || undefined, page: undefined })}
            >
              <option value="">{`${filter.label}: ${t("console.table.all")}`}</option>
              {filter.options.map((option) => (
                <option key={option.value} value={option.value}>
                  {option.label}
                </option>
              ))}
            </Select>
          ))}
          {sortable.length > 0 && (
            <Select
              aria-label={t("console.table.sortBy")}
              className="max-w-full shrink-0 text-sm md:hidden [&>select]:h-9"
              value={sort}
              onChange={(event) => set({ sort: event.target.value, page: undefined })}
            >
              {sortColumn === undefined && <option value={sort}>{t("console.table.sortBy")}</option>}
              {sortable.flatMap((column) => [
                <option key={column.id} value={column.id}>
                  {t("console.table.sortAscending", { column: column.header })}
                </option>,
                <option key={`-${column.id}`} value={`-${column.id}`}>
                  {t("console.table.sortDescending", { column: column.header })}
                </option>,
              ])}
            </Select>
          )}
          {props.toolbar}
        </div>
      )}
      {failed && <ErrorBox error={error} onRetry={onRetry} />}
      {!failed && rows !== undefined && page.rows.length === 0 && (
        <Empty
          title={t("console.table.noMatches")}
          action={
            <Button variant="outline" size="sm" onClick={clear}>
              {t("console.table.clearFilters")}
            </Button>
          }
        />
      )}
      {!failed && (rows === undefined || page.rows.length > 0) && (
        <Rows
          {...props}
          rows={rows === undefined ? undefined : page.rows}
          sorted={sorted}
          sortable={!serverPaged}
          onSort={(next) => set({ sort: next, page: undefined })}
        />
      )}
      <div className="flex min-h-8 flex-wrap items-center justify-between gap-2 text-sm text-muted-foreground">
        <p role="status">
          {rows !== undefined &&
            page.rows.length > 0 &&
            (page.pages > 1
              ? t("console.table.rows", {
                  count: arranged.length,
                  from: formatNumber((page.page - 1) * pageSize + 1),
                  to: formatNumber((page.page - 1) * pageSize + page.rows.length),
                  total: formatNumber(arranged.length),
                })
              : t("console.table.shown", { count: arranged.length, total: formatNumber(arranged.length) }))}
        </p>
        {page.pages > 1 && (
          <div className="flex gap-1">
            <Button
              variant="outline"
              size="icon-sm"
              aria-label={t("console.table.previous")}
              disabled={page.page === 1}
              onClick={() => set({ page: page.page === 2 ? undefined : String(page.page - 1) })}
            >
              <ChevronLeft />
            </Button>
            <Button
              variant="outline"
              size="icon-sm"
              aria-label={t("console.table.next")}
              disabled={page.page === page.pages}
              onClick={() => set({ page: String(page.page + 1) })}
            >
              <ChevronRight />
            </Button>
          </div>
        )}
        {more?.has && (
          <Button variant="outline" size="sm" disabled={more.loading} onClick={more.load}>
            {t("console.table.more")}
          </Button>
        )}
      </div>
    </div>
  );
}

/** Writes what was typed into the address once the typing rests. */
function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  const settled = useSettled(typed);
  // The address changed by itself: Back, a link, "Show all".
  if (value !== known) {
    setKnown(value);
    if (value !== settled.trim()) setTyped(value);
  }
  useEffect(() => {
    if (settled === typed && settled.trim() !== value) onChange(settled.trim());
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the words decide, not who asks
  }, [settled]);
  return (
    <div className="relative min-w-48 grow md:max-w-xs">
      <Search
        className="pointer-events-none absolute top-1/2 left-3 size-4 -translate-y-1/2 text-muted-foreground"
        aria-hidden
      />
      <input
        type="search"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        aria-label={t("console.table.search")}
        placeholder={t("console.table.search")}
        maxLength={200}
        className="h-9 w-full rounded-lg border border-input bg-background pr-9 pl-9 text-sm outline-none placeholder:text-muted-foreground focus-visible:border-ring focus-visible:ring-3 focus-visible:ring-ring/25 [&::-webkit-search-cancel-button]:hidden"
      />
      {typed !== "" && (
        <Button
          variant="ghost"
          size="icon-sm"
          className="absolute top-0.5 right-0.5"
          aria-label={t("console.table.clearSearch")}
          onClick={() => setTyped("")}
        >
          <X />
        </Button>
      )}
    </div>
  );
}

type RowsProps<T> = DataTableProps<T> & {
  sorted: { id: string; descending: boolean };
  sortable: boolean;
  onSort: (sort: string) => void;
};

/** The arrow keys go from row to row, beside Tab, which goes through all that a row has. A menu's button opens by them. */
function moveByArrows(event: KeyboardEvent<HTMLTableSectionElement>) {
  if (event.defaultPrevented) return;
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  if (
    !(event.target instanceof HTMLElement) ||
    event.target.closest("[aria-haspopup], [role=menu], input, select")
  )
    return;
  const row = event.target.closest("tr");
  const next = event.key === "ArrowDown" ? row?.nextElementSibling : row?.previousElementSibling;
  const into = next?.querySelector<HTMLElement>("a[href], button:not(:disabled)");
  if (!into) return;
  event.preventDefault();
  into.focus();
}

/** How many lists are on their way in each part of a page. */
const pending = new WeakMap<HTMLElement, number>();

/** Marks the part of the page that a list stands in while the list is on its way: what stands below shows when it is there (styles.css). */
function usePending(list: RefObject<HTMLElement | null>, on: boolean) {
  useLayoutEffect(() => {
    const part = list.current?.closest<HTMLElement>("[data-slot=page] > *");
    if (!on || !part) return;
    pending.set(part, (pending.get(part) ?? 0) + 1);
    part.dataset.pending = "";
    return () => {
      const left = (pending.get(part) ?? 1) - 1;
      pending.set(part, left);
      if (left === 0) delete part.dataset.pending;
    };
  }, [list, on]);
}

/** How many rows each list had when it was last on show, by its label. */
const lastCounts = new Map<string, number>();

/** As many rows are drawn in grey as the list had the last time, so that what stands below it does not move. */
function useLastCount(label: string, count: number | undefined): number {
  useEffect(() => {
    if (count !== undefined) lastCounts.set(label, count);
  }, [label, count]);
  return Math.max(1, lastCounts.get(label) ?? 4);
}

/** On narrow screens each row is a block, its cells lines with their column's name before them. */
function Rows<T>({
  label,
  columns,
  rows,
  rowKey,
  rowName,
  rowLink,
  actions,
  sorted,
  sortable,
  onSort,
}: RowsProps<T>) {
  const { t } = useTranslation();
  const expected = useLastCount(label, rows?.length);
  const frame = useRef<HTMLDivElement>(null);
  usePending(frame, rows === undefined);
  return (
    <div ref={frame} className="relative overflow-x-auto rounded-xl border bg-card">
      <table
        role="table"
        className="w-full text-sm max-md:block"
        aria-label={label}
        aria-busy={rows === undefined}
      >
        <thead role="rowgroup" className="border-b text-left max-md:sr-only">
          <tr role="row">
            {columns.map((column) => {
              const on = column.id === sorted.id;
              const canSort = sortable && column.value !== undefined;
              return (
                <th
                  key={column.id}
                  role="columnheader"
                  scope="col"
                  aria-sort={canSort && on ? (sorted.descending ? "descending" : "ascending") : undefined}
                  className={cn(
                    // High enough for two lines, so that rows do not move when a column turns out narrow.
                    "h-12 px-4 font-medium whitespace-nowrap text-muted-foreground",
                    column.align === "end" && "text-right",
                  )}
                >
                  {canSort ? (
                    <button
                      type="button"
                      className={cn(
                        "-mx-1.5 inline-flex items-center gap-1 rounded px-1.5 py-1 leading-4 hover:text-foreground",
                        on && "text-foreground",
                        column.align === "end" ? "flex-row-reverse text-right" : "text-left",
                      )}
                      onClick={() => onSort(on && !sorted.descending ? `-${column.id}` : column.id)}
                    >
                      {column.header}
                      {/* The arrow's place is kept, so that no column moves. */}
                      <span aria-hidden className="inline-flex size-3.5 [&_svg]:size-3.5">
                        {on && (sorted.descending ? <ArrowDown /> : <ArrowUp />)}
                      </span>
                    </button>
                  ) : (
                    column.header
                  )}
                </th>
              );
            })}
            {actions && (
              <th role="columnheader" scope="col" className="w-12">
                <span className="sr-only">{t("console.table.actions")}</span>
              </th>
            )}
          </tr>
        </thead>
        {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- only moves the focus among what has it */}
        <tbody role="rowgroup" className="divide-y max-md:block" onKeyDown={moveByArrows}>
          {rows === undefined
            ? Array.from({ length: expected }, (_, i) => (
                <tr key={i} role="row" className="max-md:block max-md:px-4 max-md:py-3">
                  {columns.map((column, at) => (
                    <td
                      key={column.id}
                      role="cell"
                      className={cn(
                        "h-13 px-4 max-md:h-7 max-md:px-0",
                        at > 1 ? "max-md:hidden" : "max-md:block",
                      )}
                    >
                      <Skeleton className={at === 0 ? "h-4 w-32" : "h-4 w-20"} />
                    </td>
                  ))}
                  {actions && <td role="cell" className="max-md:hidden" />}
                </tr>
              ))
            : rows.map((row) => (
                <tr
                  key={rowKey(row)}
                  role="row"
                  className={cn(
                    "relative max-md:block max-md:px-4 max-md:py-3",
                    rowLink && "hover:bg-muted/60",
                    actions && "max-md:pr-12",
                  )}
                >
                  {columns.map((column, at) => {
                    const Cell = at === 0 ? "th" : "td";
                    return (
                      <Cell
                        key={column.id}
                        role={at === 0 ? "rowheader" : "cell"}
                        scope={at === 0 ? "row" : undefined}
                        className={cn(
                          "h-13 px-4 py-2 text-left font-normal [overflow-wrap:anywhere] max-md:h-auto max-md:px-0 max-md:py-0.5",
                          column.align === "end" && "md:text-right md:tabular-nums",
                          at === 0 ? "font-medium max-md:block" : "max-md:flex max-md:gap-3",
                          column.nowrap && "md:whitespace-nowrap",
                          column.wideOnly && "max-md:hidden",
                        )}
                      >
                        {at > 0 && (
                          <span aria-hidden className="w-28 shrink-0 text-muted-foreground md:hidden">
                            {column.header}
                          </span>
                        )}
                        {at === 0 && rowLink ? (
                          // The link covers the row; what can be pressed besides lies above it.
                          <Link
                            to={rowLink(row)}
                            className="rounded outline-none after:absolute after:inset-0 after:rounded-md focus-visible:after:ring-2 focus-visible:after:ring-ring focus-visible:after:ring-inset"
                          >
                            {column.cell(row)}
                          </Link>
                        ) : (
                          <span className="min-w-0">{column.cell(row)}</span>
                        )}
                      </Cell>
                    );
                  })}
                  {actions && (
                    <td
                      role="cell"
                      className="px-2 text-right max-md:absolute max-md:top-2 max-md:right-0 md:relative"
                    >
                      <RowMenu name={rowName?.(row) ?? rowKey(row)} items={actions(row)} />
                    </td>
                  )}
                </tr>
              ))}
        </tbody>
      </table>
    </div>
  );
}

function RowMenu({ name, items }: { name: string; items: ReactNode }) {
  const { t } = useTranslation();
  if (items === null || items === undefined || items === false) return null;
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button variant="ghost" size="icon-sm" aria-label={t("console.table.actionsFor", { name })}>
          <MoreHorizontal />
        </Button>
      </MenuTrigger>
      <MenuContent align="end">{items}</MenuContent>
    </Menu>
  );
}
