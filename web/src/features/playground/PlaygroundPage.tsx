import { useQuery } from "@tanstack/react-query";
import { SlidersHorizontal } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useParamsState } from "@/components/console/search";
import { ErrorBox } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Drawer } from "@/components/ui/dialog";
import { Choice } from "@/components/ui/toggle-group";
import { sessionQuery } from "@/features/session/api";
import { useMedia } from "@/lib/media";
import { useStore } from "@/lib/store";
import { presetQuery } from "./api";
import { ChatPane } from "./ChatPane";
import { CodeDialog } from "./CodeDialog";
import { CompletePane } from "./CompletePane";
import { EditPane } from "./EditPane";
import { Parameters } from "./Parameters";
import { change, enter, open, playground, setMode } from "./playground";
import { PresetBar } from "./PresetBar";
import { modes } from "./setup";

/** Room for the parameters beside the page; narrower screens get them as a drawer. */
const roomy = "(min-width: 1100px)";

/** Tries models with every parameter, through the same API as programs. */
export function PlaygroundPage() {
  const { data: session } = useQuery(sessionQuery);
  const user = playground.get().user;
  if (session && user !== session.user.id) enter(session.user.id);
  return session ? <Playground /> : null;
}

function Playground() {
  const { t } = useTranslation();
  const mode = useStore(playground, (state) => state.setup.mode);
  const isRoomy = useMedia(roomy);
  const [params, setParams] = useParamsState();
  usePageTitle(t("playground.title"));
  const error = usePresetOfAddress();
  return (
    <div className="flex h-full min-h-0 flex-col" data-slot="playground">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b px-4 py-2.5 md:px-6">
        <h1 className="text-lg font-semibold">{t("playground.title")}</h1>
        <Choice
          label={t("playground.mode")}
          value={mode}
          options={modes.map((value) => ({ value, label: t(`playground.modes.${value}`) }))}
          onChange={setMode}
        />
        <span className="grow max-sm:hidden" />
        <PresetBar />
        {!isRoomy && (
          <Button variant="outline" onClick={() => setParams({ panel: "parameters" }, { push: true })}>
            <SlidersHorizontal aria-hidden />
            <span className="max-sm:sr-only">{t("playground.parameters")}</span>
          </Button>
        )}
      </header>
      <ErrorBox error={error} title={t("playground.presets.notOpened")} />
      <div className="flex min-h-0 grow">
        <div className="flex min-h-0 min-w-0 grow flex-col">
          {mode === "chat" && <ChatPane />}
          {mode === "complete" && <CompletePane />}
          {mode === "edit" && <EditPane />}
        </div>
        {isRoomy && (
          <aside
            aria-label={t("playground.parameters")}
            className="relative w-80 shrink-0 overflow-y-auto border-l px-5 py-4"
          >
            <Parameters />
          </aside>
        )}
      </div>
      {!isRoomy && (
        <Drawer
          title={t("playground.parameters")}
          open={params.panel === "parameters"}
          onOpenChange={(shown) => setParams({ panel: shown ? "parameters" : undefined })}
        >
          <div className="h-full overflow-y-auto px-5 py-4">
            <h2 aria-hidden className="mb-4 font-semibold">
              {t("playground.parameters")}
            </h2>
            <Parameters />
          </div>
        </Drawer>
      )}
      <CodeDialog />
    </div>
  );
}

function usePageTitle(title: string) {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
  }, [title, t]);
}

/** Opens the preset, mode or model that the address names, once. Returns why the preset could not be. */
function usePresetOfAddress(): unknown {
  const [{ preset, mode, model }] = useParamsState();
  const opened = useStore(playground, (state) => state.preset?.id);
  const wanted = preset !== undefined && preset !== opened ? preset : null;
  const { data, error } = useQuery({ ...presetQuery(wanted ?? ""), enabled: wanted !== null });
  useEffect(() => {
    if (wanted === null || data?.id !== wanted) return;
    const { id, name, own, shared, settings } = data;
    open({ id, name, own, shared }, settings);
  }, [wanted, data]);
  useEffect(() => {
    const named = modes.find((one) => one === mode);
    if (named) setMode(named);
    if (model === undefined) return;
    const { setup } = playground.get();
    change({ models: { ...setup.models, [setup.mode]: model } });
  }, [mode, model]);
  return wanted === null ? null : error;
}
