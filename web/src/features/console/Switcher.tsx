import { useQuery } from "@tanstack/react-query";
import { ChevronsUpDown } from "lucide-react";
import { useTranslation } from "react-i18next";
import { actAs } from "@/api/acting";
import { Button } from "@/components/ui/button";
import {
  Menu,
  MenuContent,
  MenuLabel,
  MenuRadioGroup,
  MenuRadioItem,
  MenuSeparator,
  MenuTrigger,
} from "@/components/ui/menu";
import { sessionQuery } from "@/features/session/api";
import { membershipsQuery } from "./api";

/** Which organization and project one works in, and the way to another. */
export function Switcher() {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  const { data: memberships = [] } = useQuery(membershipsQuery);
  if (!session) return null;
  const { organization, project } = session;
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button
          variant="outline"
          className="h-12 w-full justify-start px-3 text-left"
          aria-label={`${t("console.switch")}. ${t("console.current", { organization: organization.name, project: project.name })}`}
        >
          <span className="min-w-0 grow">
            <span className="block truncate leading-tight">{organization.name}</span>
            <span className="block truncate text-xs leading-tight font-normal text-muted-foreground">
              {project.name}
            </span>
          </span>
          <ChevronsUpDown className="text-muted-foreground" aria-hidden />
        </Button>
      </MenuTrigger>
      <MenuContent
        align="start"
        className="max-h-(--radix-dropdown-menu-content-available-height) w-(--radix-dropdown-menu-trigger-width) overflow-y-auto"
      >
        <MenuRadioGroup
          value={`${organization.id} ${project.id}`}
          onValueChange={(chosen) => {
            const [org = "", proj = ""] = chosen.split(" ");
            switchTo(org, proj);
          }}
        >
          {memberships.map((membership, at) => (
            <div key={membership.id} role="group" aria-label={membership.name}>
              {at > 0 && <MenuSeparator />}
              <MenuLabel aria-hidden>{membership.name}</MenuLabel>
              {membership.projects.map((place) => (
                <MenuRadioItem key={place.id} value={`${membership.id} ${place.id}`}>
                  {place.name}
                </MenuRadioItem>
              ))}
            </div>
          ))}
        </MenuRadioGroup>
      </MenuContent>
    </Menu>
  );
}

/** The page begins anew: nothing of the other organization may stay on it. The page of one object leads to its list. */
function switchTo(organization: string, project: string) {
  actAs({ organization, project });
  const [, first, second] = window.location.pathname.split("/");
  window.location.assign(second === undefined ? `/${first ?? ""}` : `/${first ?? ""}/${second}`);
}
