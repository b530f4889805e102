import { Link } from "@tanstack/react-router";
import { ChevronLeft } from "lucide-react";
import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";

type PageProps = {
  title: string;
  /** One sentence that says what the page is for. */
  lead?: ReactNode;
  /** The page's one clear action, beside the title. */
  action?: ReactNode;
  /** The list that this page's object is of. */
  back?: { to: string; label: string };
  children: ReactNode;
};

/** A page of the console: its title is the document's too. */
export function Page({ title, lead, action, back, children }: PageProps) {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
  }, [title, t]);
  return (
    <div
      data-slot="page"
      className="mx-auto grid w-full max-w-[70rem] gap-6 px-4 py-5 *:min-w-0 md:px-8 md:py-8"
    >
      <header className="grid gap-1.5">
        {back && (
          <Link
            to={back.to}
            className="-ml-1 flex w-fit items-center gap-1 rounded text-sm text-muted-foreground hover:text-foreground"
          >
            <ChevronLeft className="size-4" aria-hidden />
            {back.label}
          </Link>
        )}
        <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3">
          <h1 className="min-h-9 text-2xl font-semibold tracking-tight [overflow-wrap:anywhere]">{title}</h1>
          {action !== undefined && <div className="flex flex-wrap gap-2">{action}</div>}
        </div>
        {lead !== undefined && <p className="max-w-3xl text-muted-foreground">{lead}</p>}
      </header>
      {children}
    </div>
  );
}

/** A part of a page with a heading of its own. */
export function Section({
  title,
  lead,
  action,
  children,
}: {
  title: string;
  lead?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="grid gap-3 *:min-w-0">
      <div className="flex flex-wrap items-end justify-between gap-x-6 gap-y-2">
        <div>
          <h2 className="text-base font-semibold">{title}</h2>
          {lead !== undefined && <p className="max-w-3xl text-sm text-muted-foreground">{lead}</p>}
        </div>
        {action}
      </div>
      {children}
    </section>
  );
}

/** A frame for what belongs together. */
export function Card({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <div data-slot="card" className={cn("rounded-xl border bg-card p-4", className)}>
      {children}
    </div>
  );
}

/** Names and values one below the other, for the details of an object. */
export function Details({ rows }: { rows: [label: string, value: ReactNode][] }) {
  return (
    <dl className="divide-y rounded-xl border bg-card text-sm">
      {rows.map(([label, value]) => (
        <div key={label} className="grid gap-x-6 gap-y-0.5 px-4 py-2.5 sm:grid-cols-[12rem_1fr]">
          <dt className="text-muted-foreground">{label}</dt>
          <dd className="min-w-0 [overflow-wrap:anywhere]">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
