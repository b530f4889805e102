import type { TFunction } from "i18next";
import type { Column } from "@/components/console/DataTable";
import { formatAgo, formatDate, formatTime } from "@/lib/format";

/** The columns of when a key was made and last used, for one's own keys and for a project's. */
export const timeColumns = <K extends { created_at: number; last_used_at: number | null }>(
  t: TFunction,
): Column<K>[] => [
  {
    id: "created",
    header: t("keys.created"),
    nowrap: true,
    cell: (key) => <span title={formatTime(key.created_at)}>{formatDate(key.created_at)}</span>,
    value: (key) => key.created_at,
    wideOnly: true,
  },
  {
    id: "used",
    header: t("keys.used"),
    nowrap: true,
    cell: (key) =>
      key.last_used_at === null ? (
        t("console.time.never")
      ) : (
        <span title={formatTime(key.last_used_at)}>{formatAgo(key.last_used_at)}</span>
      ),
    value: (key) => key.last_used_at,
  },
];
