import type { TFunction } from "i18next";
import { formatBytes, formatNumber } from "@/lib/format";
import type { Check } from "./api";

/** The figures of a check as its sentence has them: bytes, milliseconds and counts in the reader's language. */
export function figures(values: Check["values"]): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === "number") {
      out[name] = name.endsWith("_bytes") ? formatBytes(value) : formatNumber(Math.round(value * 100) / 100);
    } else {
      out[name] = Array.isArray(value) ? value.map(String).join(", ") : String(value);
    }
  }
  return out;
}

/** What was found, in the reader's language; a code that this page does not know yet is told in the server's English. */
export function textOf(check: Check, t: TFunction): string {
  return t(`health.found.${check.code as "database_ok"}`, {
    ...figures(check.values),
    defaultValue: check.text,
  });
}

/** What to do; empty when nothing is. */
export function adviceOf(check: Check, t: TFunction): string {
  if (check.advice === undefined) return "";
  return t(`health.advice.${check.code as "database_slow"}`, {
    ...figures(check.values),
    defaultValue: check.advice,
  });
}
