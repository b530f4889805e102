import { useTranslation } from "react-i18next";
import { useStore } from "@/lib/store";
import { playground, problemsOf } from "./playground";
import type { Problem } from "./request";

/** What is wrong with one field, in words that say what to do; the JSON editors say so while somebody types. */
export function FieldProblems({ field, always = false }: { field: Problem["field"]; always?: boolean }) {
  const { t } = useTranslation();
  // The texts take different values; each problem comes with its own.
  const say = t as (key: string, values?: Problem["values"]) => string;
  const setup = useStore(playground, (state) => state.setup);
  const tried = useStore(playground, (state) => state.tried);
  const problems = tried || always ? problemsOf(setup).filter((problem) => problem.field === field) : [];
  return (
    <div role="status" data-slot="problems" className="text-sm text-danger empty:hidden">
      {problems.map(({ key, values }, i) => (
        <p key={i}>{say(key, values)}</p>
      ))}
    </div>
  );
}
