import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Boxes, Check, Play, Square, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Badge, Status } from "@/components/console/Badge";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Empty, useErrorText } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { MenuItem, MenuSeparator } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { formatBytes, formatDate, formatNumber, formatPercent } from "@/lib/format";
import { catalogueKey, load, type ManagedModel, managedQuery, setDefault, unload } from "./api";
import { RemoveDialog } from "./RemoveDialog";

const tones = {
  ready: "good",
  loading: "warning",
  unloading: "warning",
  cold: "neutral",
  failed: "danger",
} as const;

/** What is here and what it does. */
export function Installed({ onPull }: { onPull: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const textOf = useErrorText();
  const query = useQuery(managedQuery);
  const [removing, setRemoving] = useState<ManagedModel | null>(null);
  const columns = useColumns();
  const act = useMutation({
    mutationFn: ({ run }: { run: () => Promise<unknown> }) => run(),
    onError: (error) => toast(textOf(error), "danger"),
    onSettled: () => client.invalidateQueries({ queryKey: catalogueKey }),
  });
  const does = (run: () => Promise<unknown>) => () => act.mutate({ run });
  return (
    <>
      <DataTable
        label={t("catalogue.tabs.installed")}
        columns={columns}
        rows={query.data?.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(model) => model.name}
        rowName={(model) => model.name}
        search
        filters={[
          {
            id: "kind",
            label: t("catalogue.kind"),
            options: [...new Set(query.data?.data.map((m) => m.kind))].map((value) => ({
              value,
              label: t(`catalogue.kinds.${value as "chat"}`, { defaultValue: value }),
            })),
            matches: (model, value) => model.kind === value,
          },
        ]}
        actions={(model) =>
          model.kind === "library" ? (
            <MenuItem danger onSelect={() => setRemoving(model)}>
              <Trash2 aria-hidden />
              {t("catalogue.remove")}
            </MenuItem>
          ) : (
            <>
              {model.state === "ready" || model.state === "loading" ? (
                <MenuItem onSelect={does(() => unload(model.name))}>
                  <Square aria-hidden />
                  {t("catalogue.unload")}
                </MenuItem>
              ) : (
                <MenuItem disabled={model.state === "unloading"} onSelect={does(() => load(model.name))}>
                  <Play aria-hidden />
                  {t("catalogue.load")}
                </MenuItem>
              )}
              {defaultKinds(model).map((kind) => (
                <MenuItem
                  key={kind}
                  disabled={model.default_for.includes(kind)}
                  onSelect={does(() => setDefault(kind, model.name))}
                >
                  <Check aria-hidden />
                  {t("catalogue.makeDefault", { kind: t(`catalogue.kinds.${kind}`) })}
                </MenuItem>
              ))}
              {model.remote === undefined && (
                <>
                  <MenuSeparator />
                  <MenuItem danger onSelect={() => setRemoving(model)}>
                    <Trash2 aria-hidden />
                    {t("catalogue.remove")}
                  </MenuItem>
                </>
              )}
            </>
          )
        }
        empty={
          <Empty
            icon={Boxes}
            title={t("catalogue.empty")}
            text={t("catalogue.emptyHint")}
            action={<Button onClick={onPull}>{t("catalogue.pull")}</Button>}
          />
        }
      />
      <RemoveDialog model={removing} onClose={() => setRemoving(null)} />
    </>
  );
}

/** Which names a model could answer for. */
function defaultKinds(model: ManagedModel): ("chat" | "code" | "embeddings")[] {
  if (model.kind === "embeddings") return ["embeddings"];
  return model.kind === "chat" || model.kind === "code" ? ["chat", "code"] : [];
}

function useColumns(): Column<ManagedModel>[] {
  const { t } = useTranslation();
  return [
    {
      id: "name",
      header: t("catalogue.model"),
      cell: (model) => (
        <span className="grid gap-1">
          <span className="[overflow-wrap:anywhere]">{model.name}</span>
          <span className="flex flex-wrap gap-1">
            <Badge>{t(`catalogue.kinds.${model.kind as "chat"}`, { defaultValue: model.kind })}</Badge>
            {model.remote !== undefined && <Badge>{t("catalogue.at", { remote: model.remote })}</Badge>}
            {model.default_for.map((kind) => (
              <Badge key={kind} tone="good">
                {t("catalogue.defaultFor", { kind: t(`catalogue.kinds.${kind as "chat"}`) })}
              </Badge>
            ))}
          </span>
          {model.error !== undefined && (
            <span className="max-w-md text-xs [overflow-wrap:anywhere] text-danger">{model.error}</span>
          )}
        </span>
      ),
      value: (model) => model.name,
      text: (model) => `${model.name} ${model.title ?? ""} ${model.kind} ${model.aliases.join(" ")}`,
    },
    {
      id: "state",
      header: t("catalogue.state"),
      cell: (model) =>
        model.kind === "library" ? (
          "–"
        ) : (
          <span className="grid gap-0.5">
            <Status tone={tones[model.state]}>
              {t(`catalogue.states.${model.state}`, { percent: formatPercent(model.progress) })}
            </Status>
            {(model.active > 0 || model.queued > 0) && (
              <span className="text-xs text-muted-foreground">
                {t("catalogue.requests", {
                  active: formatNumber(model.active),
                  queued: formatNumber(model.queued),
                })}
              </span>
            )}
          </span>
        ),
      value: (model) => model.state,
    },
    {
      id: "memory",
      header: t("catalogue.memoryShort"),
      align: "end",
      cell: (model) =>
        model.memory_bytes > 0 ? (
          formatBytes(model.memory_bytes)
        ) : model.memory_needed !== undefined ? (
          <span className="whitespace-nowrap text-muted-foreground" title={t("catalogue.whenLoaded")}>
            {t("catalogue.about", { size: formatBytes(model.memory_needed) })}
          </span>
        ) : (
          "–"
        ),
      value: (model) => (model.memory_bytes > 0 ? model.memory_bytes : (model.memory_needed ?? null)),
    },
    {
      id: "window",
      header: t("catalogue.window"),
      align: "end",
      cell: (model) => (model.context_window === undefined ? "–" : formatNumber(model.context_window)),
      value: (model) => model.context_window ?? null,
    },
    {
      id: "file",
      header: t("catalogue.file"),
      cell: (model) => (
        <span className="grid gap-0.5">
          <span>{model.bytes === undefined ? "–" : formatBytes(model.bytes)}</span>
          {model.layout !== undefined && (
            <span className="text-xs text-muted-foreground">
              {[model.layout, model.weights].filter(Boolean).join(" · ")}
            </span>
          )}
        </span>
      ),
      value: (model) => model.bytes ?? null,
    },
    {
      id: "pulled",
      header: t("catalogue.source"),
      cell: (model) => (
        <span className="grid gap-0.5 text-xs text-muted-foreground">
          <span className="[overflow-wrap:anywhere]">{model.licence ?? "–"}</span>
          {model.pulled_at !== undefined && <span>{formatDate(model.pulled_at)}</span>}
        </span>
      ),
      value: (model) => model.pulled_at ?? null,
      wideOnly: true,
    },
  ];
}
