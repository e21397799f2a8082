"""Permissions of Home Assistant's users.

Home Assistant checks the permission for entities, but not for actions without one.
"""

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.core import Context, HomeAssistant


async def async_may_control(
    hass: HomeAssistant, context: Context, entity_id: str | None = None
) -> bool:
    """Return whether the calling user may control all entities, or this one.

    A call without a user, such as an automation's, is always allowed.
    """
    if context.user_id is None:
        return True
    user = await hass.auth.async_get_user(context.user_id)
    return user is not None and (
        user.permissions.access_all_entities(POLICY_CONTROL)
        or (
            entity_id is not None
            and user.permissions.check_entity(entity_id, POLICY_CONTROL)
        )
    )
