import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Notice } from "@/components/ui/notice";
import { useMay } from "@/features/session/may";
import { stateQuery } from "./api";

/**
 * Below every page of the console, while a budget is reached or credit is used up: there it moves nothing of the page
 * when it comes and goes.
 */
export function BillingBanner() {
  const { t } = useTranslation();
  const see = useMay("usage.read");
  const more = useMay("billing.read");
  const { data } = useQuery({ ...stateQuery, enabled: see });
  const there = useLocation({ select: (location) => location.pathname === "/console/billing" });
  if (!data || data.state === "ok") return null;
  return (
    <div className="shrink-0 border-t px-4 py-2 md:px-8" data-slot="billing-banner">
      <Notice
        role="status"
        tone={data.state === "soft_limit" ? "warning" : "danger"}
        className="mx-auto w-full max-w-[66rem]"
      >
        <p className="min-w-0 grow">
          {data.state === "no_credit"
            ? t("billing.banner.no_credit")
            : t(`billing.banner.${data.of}.${data.state}`)}
        </p>
        {more && !there && (
          <Link to="/console/billing" className="font-medium underline underline-offset-2">
            {t("billing.banner.look")}
          </Link>
        )}
      </Notice>
    </div>
  );
}
