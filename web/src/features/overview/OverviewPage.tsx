import { useTranslation } from "react-i18next";
import { Page } from "@/components/console/Page";

/** The first page of the console: how things stand, and what to do next. */
export function OverviewPage() {
  const { t } = useTranslation();
  return <Page title={t("overview.title")}>{null}</Page>;
}
