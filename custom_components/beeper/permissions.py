"""What Home Assistant's users may have done here.

Home Assistant asks for this itself where an entity is meant, not where a chat is.
"""

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.core import Context, HomeAssistant


async def async_may_control(
    hass: HomeAssistant, context: Context, entity_id: str | None = None
) -> bool:
    """Tell whether the user behind a call may control everything, or this entity.

    Where no user is behind it, as with an automation, nobody has to be asked.
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
