import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { CommandButton } from "@/features/commands/CommandButton";
import { preferences } from "@/features/settings/preferences";
import { useMedia, wide } from "@/lib/media";
import { useStore } from "@/lib/store";

/** The bar above a page. The way to the sidebar is here whenever the sidebar is not in sight. */
export function PageHeader({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const isWide = useMedia(wide);
  const sidebar = useStore(preferences, (p) => p.sidebar);
  return (
    <header className="flex h-14 shrink-0 items-center gap-1 px-2 md:px-3">
      {!(isWide && sidebar) && (
        <>
          <CommandButton id="view.sidebar" label={t("nav.openSidebar")} />
          <CommandButton id="chats.new" />
        </>
      )}
      {children}
    </header>
  );
}
